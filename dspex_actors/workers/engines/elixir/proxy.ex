defmodule DspexActors.Proxy do
  @moduledoc """
  The proxy by which guests reach what their policy lists: told to `:httpc`, which reads no environment.

  Where Erlang comes without `inets` there is nobody to be told; what opens sockets itself says CONNECT.
  """

  @loopback [~c"localhost", ~c"127.0.0.1", ~c"::1"]

  @doc "Start what `:httpc` needs, and have it use a proxy, `\"address:port\"`."
  def use_by_httpc(proxy) do
    with {:ok, _} <- Application.ensure_all_started(:inets) do
      Application.ensure_all_started(:ssl)
      [address, port] = String.split(proxy, ":")
      own = if String.contains?(System.get_env("NO_PROXY", ""), "127.0.0.1"), do: @loopback, else: []
      there = {{String.to_charlist(address), String.to_integer(port)}, own}
      apply(:httpc, :set_options, [[proxy: there, https_proxy: there]])
    end
  end
end
