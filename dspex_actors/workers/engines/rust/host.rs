// How a native program reaches its host: frames on the socket at descriptor 3, in the form of a driver's. A
// question has one answer, so threads take turns. `dspex.rs` has the same functions from WebAssembly's host.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Read, Write};
use std::mem::ManuallyDrop;
use std::os::unix::io::FromRawFd;
use std::slice::from_raw_parts;
use std::sync::Mutex;

const CHANNEL: i32 = 3;
const FINAL: u8 = 4;
const TOOL_CALL: u8 = 5;
const HEADER: usize = 13;
const LARGE: usize = 1 << 16;
const SET_FLAGS: i32 = 2;
const CLOSE_ON_EXEC: i32 = 1;
const FILE_TOO_LARGE: i32 = 25;
const IGNORE: usize = 1;

extern "C" {
    fn fcntl(descriptor: i32, command: i32, ...) -> i32;
    fn signal(number: i32, action: usize) -> usize;
}

static TURN: Mutex<()> = Mutex::new(());

/// Runs before `main`: programs that this one starts do not get the socket, and what is written beyond the
/// limit of a file is an error, as everywhere in Rust, and no signal.
extern "C" fn begin() {
    unsafe {
        fcntl(CHANNEL, SET_FLAGS, CLOSE_ON_EXEC);
        signal(FILE_TOO_LARGE, IGNORE);
    }
}

#[used]
#[link_section = ".init_array"]
static BEGIN: extern "C" fn() = begin;

thread_local! {
    static ANSWER: RefCell<Vec<u8>> = RefCell::new(Vec::new());
}

pub unsafe fn variable(name: *const u8, length: usize) -> i32 {
    ask(&[from_raw_parts(name, length)])
}

pub unsafe fn call(name: *const u8, length: usize, args: *const u8, size: usize) -> i32 {
    ask(&[from_raw_parts(name, length), from_raw_parts(args, size)])
}

pub unsafe fn read(to: *mut u8) {
    ANSWER.with(|answer| {
        let text = std::mem::take(&mut *answer.borrow_mut());
        std::ptr::copy_nonoverlapping(text.as_ptr(), to, text.len());
    });
}

pub unsafe fn result(text: *const u8, length: usize) {
    if length > LARGE {
        tell(&[&[], &(length as u64).to_le_bytes()]);
    }
    tell(&[from_raw_parts(text, length)]);
}

pub unsafe fn fail(
    kind: *const u8,
    kind_length: usize,
    message: *const u8,
    message_length: usize,
    place: *const u8,
    place_length: usize,
) {
    tell(&[
        from_raw_parts(kind, kind_length),
        from_raw_parts(message, message_length),
        from_raw_parts(place, place_length),
    ]);
    std::process::exit(1)
}

/// Sends a question and keeps the answer for `read`; returns its length, -1 if there is none.
fn ask(parts: &[&[u8]]) -> i32 {
    let answer = in_turn(|channel| {
        channel.write_all(&frame(TOOL_CALL, parts))?;
        let mut header = [0; HEADER];
        channel.read_exact(&mut header)?;
        let mut payload = vec![0; u32::from_le_bytes([header[0], header[1], header[2], header[3]]) as usize];
        channel.read_exact(&mut payload)?;
        Ok(payload)
    });
    if answer.get(0) != Some(&1) {
        return -1;
    }
    let text = answer[16..].to_vec(); // a table of one part is 12 bytes, and parts begin at multiples of 16
    let length = text.len() as i32;
    ANSWER.with(|kept| *kept.borrow_mut() = text);
    length
}

fn tell(parts: &[&[u8]]) {
    in_turn(|channel| channel.write_all(&frame(FINAL, parts)))
}

fn in_turn<T>(talk: impl FnOnce(&mut File) -> io::Result<T>) -> T {
    let turn = TURN.lock().unwrap_or_else(|broken| broken.into_inner());
    let mut channel = ManuallyDrop::new(unsafe { File::from_raw_fd(CHANNEL) });
    let told = talk(&mut channel);
    drop(turn);
    told.unwrap_or_else(|error| panic!("the program has lost its host: {}", error))
}

/// Returns a frame: its length, its type, a zero; a table of its parts' sizes; the parts.
fn frame(kind: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut payload = (parts.len() as u32).to_le_bytes().to_vec();
    for part in parts {
        payload.extend_from_slice(&(part.len() as u64).to_le_bytes());
    }
    for part in parts {
        while payload.len() % 16 != 0 {
            payload.push(0);
        }
        payload.extend_from_slice(part);
    }
    let mut frame = (payload.len() as u32).to_le_bytes().to_vec();
    frame.push(kind);
    frame.extend_from_slice(&[0; 8]);
    frame.append(&mut payload);
    frame
}
