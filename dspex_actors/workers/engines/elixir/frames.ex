defmodule DspexActors.Frames do
  @moduledoc """
  Frames on the driver's socket, as in `_framing.py`; part 0 is a map as an external term.

  Any process may send; one reads. A socket that is closed ends the virtual machine: nobody listens any more.
  """

  @header 13
  @align 16
  @types %{execute: 1, ready: 2, output: 3, final: 4, tool_call: 5, tool_result: 6, notes: 10}
  @names Map.new(@types, fn {name, number} -> {number, name} end)

  @doc "Return the type and the parts of the next frame."
  def read(socket) do
    <<size::little-32, kind, _nonce::64>> = receive_all(socket, @header)
    {Map.fetch!(@names, kind), split(receive_all(socket, size))}
  end

  @doc "Send a frame: a head, which is a map with strings as keys, and further parts."
  def send_frame(socket, type, head, rest \\ []), do: send_parts(socket, type, [to_term(head) | rest])

  @doc "Send a frame whose parts are bytes as they are."
  def send_parts(socket, type, parts) do
    sizes = Enum.map(parts, &byte_size/1)
    start = 4 + 8 * length(parts)

    {blocks, size} =
      Enum.map_reduce(parts, start, fn part, at ->
        gap = Integer.mod(-at, @align)
        {[:binary.copy(<<0>>, gap), part], at + gap + byte_size(part)}
      end)

    table = [<<length(parts)::little-32>>, Enum.map(sizes, &<<&1::little-64>>)]
    frame = [<<size::little-32, @types[type], 0::64>>, table, blocks]
    if :socket.send(socket, frame) != :ok, do: :erlang.halt(0)
    :ok
  end

  @doc "Return a value as an external term, in the one form that OTP 24 and later agree on."
  def to_term(value), do: :erlang.term_to_binary(value, minor_version: 2)

  defp receive_all(socket, size) do
    case :socket.recv(socket, size) do
      {:ok, data} -> data
      _ -> :erlang.halt(0)
    end
  end

  defp split(<<count::little-32, payload::binary>>) do
    <<table::binary-size(count)-unit(64), _::binary>> = payload
    sizes = for <<size::little-64 <- table>>, do: size

    {parts, _} =
      Enum.map_reduce(sizes, 4 + 8 * count, fn size, at ->
        at = at + Integer.mod(-at, @align)
        {binary_part(payload, at - 4, size), at + size}
      end)

    parts
  end
end
