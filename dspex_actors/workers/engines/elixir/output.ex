defmodule DspexActors.Output do
  @moduledoc """
  What the guest's standard output and standard error are: a process that answers Erlang's I/O protocol.

  What is written has been sent to the worker before the writer goes on, so all of it is there before the answer.
  Reading finds the end of the input. Source: Erlang/OTP 25, STDLIB User's Guide, "The Erlang I/O Protocol".
  """

  alias DspexActors.{Diagnosis, Frames}

  @most 65_536

  @doc "Start one for a stream: 1 is standard output, 2 is standard error."
  def start(socket, stream), do: spawn(fn -> loop(socket, <<stream>>) end)

  defp loop(socket, stream) do
    receive do
      {:io_request, from, reference, request} ->
        {answer, data} = handle(request)
        write(socket, stream, data)
        if stream == <<2>>, do: tell(socket, Diagnosis.printed(data))
        send(from, {:io_reply, reference, answer})

      _ ->
        :ok
    end

    loop(socket, stream)
  end

  defp tell(_, []), do: :ok
  defp tell(socket, found), do: Frames.send_frame(socket, :notes, %{"diagnostics" => found})

  defp write(_, _, ""), do: :ok

  defp write(socket, stream, <<data::binary-size(@most), rest::binary>>) do
    Frames.send_parts(socket, :output, [stream, data])
    write(socket, stream, rest)
  end

  defp write(socket, stream, data), do: Frames.send_parts(socket, :output, [stream, data])

  defp handle({:put_chars, chars}), do: handle({:put_chars, :latin1, chars})
  defp handle({:put_chars, encoding, chars}), do: written(encoding, chars)
  defp handle({:put_chars, module, function, arguments}), do: handle({:put_chars, :latin1, module, function, arguments})

  defp handle({:put_chars, encoding, module, function, arguments}) do
    written(encoding, apply(module, function, arguments))
  rescue
    _ -> {{:error, :put_chars}, ""}
  end

  defp handle({:requests, requests}) do
    Enum.reduce_while(requests, {:ok, ""}, fn request, {_, written} ->
      {answer, data} = handle(request)
      {if(match?({:error, _}, answer), do: :halt, else: :cont), {answer, written <> data}}
    end)
  end

  defp handle({:setopts, _}), do: {:ok, ""}
  defp handle(:getopts), do: {[binary: true, encoding: :unicode], ""}
  defp handle({:get_geometry, _}), do: {{:error, :enotsup}, ""}

  defp handle(request) when is_tuple(request) do
    reads = elem(request, 0) in [:get_line, :get_chars, :get_until, :get_password]
    {if(reads, do: :eof, else: {:error, :request}), ""}
  end

  defp handle(_), do: {{:error, :request}, ""}

  # Bytes are written as they are; plain `IO.puts` comes as unicode.
  defp written(:latin1, chars) do
    {:ok, IO.iodata_to_binary(chars)}
  rescue
    ArgumentError -> written(:unicode, chars)
  end

  defp written(encoding, chars) do
    case :unicode.characters_to_binary(chars, encoding) do
      data when is_binary(data) -> {:ok, data}
      _ -> {{:error, {:no_translation, encoding, :unicode}}, ""}
    end
  end
end
