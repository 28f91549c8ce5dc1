// Connections by way of the proxy in the sandbox: those of `net` and `tls`, and so of `http`, `https` and `fetch`.
//
// Where guests may connect is the host's to judge; a socket that goes around this leads nowhere. Names are not resolved
// here, they are passed on as they are. Loaded before the driver, with `--proxy=ADDRESS:PORT` at the end of its command
// line.
'use strict';

const { syncBuiltinESMExports } = require('node:module');
const net = require('node:net');
const { Duplex } = require('node:stream');
const tls = require('node:tls');

const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[?::1\]?)$/i;
const END = '\r\n\r\n';

/** What a socket of a tunnel shows to TLS, which would take the handle of a real one before there is a tunnel. */
class Carried extends Duplex {
  constructor(socket) {
    super();
    this.socket = socket;
    socket.on('data', (data) => this.push(data) || socket.pause());
    socket.on('end', () => this.push(null));
    socket.on('error', (error) => this.destroy(error));
    socket.on('close', () => this.destroy());
  }

  _read() {
    this.socket.resume();
  }

  _write(data, encoding, done) {
    this.socket.write(data, encoding, done);
  }

  _final(done) {
    this.socket.end(done);
  }

  _destroy(error, done) {
    this.socket.destroy();
    done(error);
  }
}

function failure(code, host, port, text) {
  const message = `connect ${code} ${host}:${port} - ${text}`;
  return Object.assign(new Error(message), { code, syscall: 'connect', address: host, port });
}

/** Ask for a tunnel on a socket that is connected to the proxy and has not told anybody; then let it tell. */
function ask(socket, host, port) {
  let seen = Buffer.alloc(0);
  socket.push = (data) => {
    if (data === null) {
      socket.destroy(failure('ECONNRESET', host, port, 'the host has made no connection, the call is over'));
      return false;
    }
    seen = Buffer.concat([seen, data]);
    const end = seen.indexOf(END);
    if (end < 0) return true;
    const [, status, text] = /^HTTP\/1\.1 (\d{3}) (.*)/.exec(seen.latin1Slice(0, end));
    delete socket.push;
    delete socket.emit;
    socket.connecting = false;
    if (status !== '200') {
      const code = { 403: 'EACCES', 504: 'ETIMEDOUT' }[status] ?? 'ECONNREFUSED';
      socket.destroy(failure(code, host, port, text));
      return false;
    }
    const rest = seen.subarray(end + END.length);
    socket.emit('connect');
    socket.emit('ready');
    return rest.length === 0 || socket.push(rest);
  };
  const name = net.isIPv6(host) ? `[${host}]` : host;
  socket._writeGeneric(false, `CONNECT ${name}:${port} HTTP/1.1\r\nHost: ${name}:${port}${END}`, 'latin1', () => {});
  socket.connecting = true; // so that what is written meanwhile waits
  socket._handle?.readStart();
  if (socket._handle) socket._handle.reading = true;
}

/** Have all connections that are made from now on go by a proxy, given as `host:port`. */
function install(proxy) {
  const [proxyHost, proxyPort] = proxy.split(':');
  const ownLoopback = (process.env.NO_PROXY ?? '').includes('127.0.0.1');
  const { connect } = net.Socket.prototype;
  const secure = tls.connect;

  const isDirect = ({ host, port, path }) => path || (host === proxyHost && String(port) === proxyPort)
    || (ownLoopback && LOOPBACK.test(host ?? 'localhost'));

  net.Socket.prototype.connect = function tunnelled(...args) {
    const [options, callback] = Array.isArray(args[0]) ? args[0] : net._normalizeArgs(args);
    if (isDirect(options) || this instanceof tls.TLSSocket) return connect.apply(this, args);
    const { host = 'localhost', port } = options;
    const { emit } = this;
    this.emit = (event, ...rest) => {
      if (event === 'ready') return true;
      if (event !== 'connect') return emit.call(this, event, ...rest);
      ask(this, host, port);
      return true;
    };
    this._host = host;
    const there = { ...options, host: proxyHost, port: Number(proxyPort), localAddress: undefined, localPort: undefined };
    return connect.call(this, there, callback ?? undefined);
  };

  tls.connect = function tunnelled(...args) {
    const [options, callback] = net._normalizeArgs(args);
    for (const more of args.slice(1)) if (more !== null && typeof more === 'object') Object.assign(options, more);
    if (options.socket || isDirect(options)) return secure.apply(this, args);
    const socket = net.connect({ host: options.host, port: options.port });
    const secured = secure.call(this, { ...options, socket: new Carried(socket) }, callback ?? undefined);
    for (const name of ['ref', 'unref']) {
      secured[name] = () => {
        socket[name]();
        return secured;
      };
    }
    return secured;
  };

  const { fetch } = globalThis;
  globalThis.fetch = (...args) => fetch(...args).catch((error) => {
    if (error.cause?.syscall === 'connect') error.message += `: ${error.cause.message}`; // many show the message alone
    throw error;
  });
  syncBuiltinESMExports();
}

const MARK = '--proxy=';
const given = process.argv.find((each) => each.startsWith(MARK));
if (given) install(given.slice(MARK.length));
