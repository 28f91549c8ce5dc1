defmodule DspexActors.Driver do
  @moduledoc """
  The driver: runs Elixir for a worker; see `_driver_engine.py` for what they say to each other.

  This process alone reads the socket. The guest's code runs in another one, which may be ended by what it has
  linked to itself; processes that it has started live on between the calls of a session.
  """

  alias DspexActors.{Failure, Frames, Guest, Output, Proxy}

  @doc """
  Serve a worker until it closes the socket.

  `hidden` are names in the environment that are not the guest's, `proxy` is `"address:port"` of the one that its
  connections go by, or empty.
  """
  def main(socket, rules, hidden, proxy) do
    Process.register(self(), __MODULE__)
    Enum.each(hidden, &System.delete_env/1)
    stdout = Output.start(socket, 1)
    Process.group_leader(self(), stdout)
    Process.unregister(:standard_error)
    Process.register(Output.start(socket, 2), :standard_error)
    Code.put_compiler_option(:ignore_module_conflict, true)
    Code.put_compiler_option(:no_warn_undefined, [DspexActors.Tools.Imported])
    if proxy != "", do: Proxy.use_by_httpc(proxy)
    warm_up()
    Frames.send_frame(socket, :ready, Map.put(usage(), "version", System.version()))
    serve(socket, Guest.start(), Guest.new(rules))
  end

  # Loads what the first call needs.
  defp warm_up do
    head = %{"code" => "x = [1]\nEnum.map(x, fn y -> \"\#{y}\" end)", "keep" => false}
    {%{"outcome" => "completed"}, [_], _} = Guest.run(head, [], Guest.new(["warm.up"]))
    {%{"outcome" => "failed"}, [], _} = Guest.run(%{head | "code" => "raise \"warm\""}, [], Guest.new([]))
  end

  defp serve(socket, {pid, monitor} = guest, state) do
    {:execute, [head | parts]} = Frames.read(socket)
    head = :erlang.binary_to_term(head)
    turn_away()
    reference = make_ref()
    send(pid, {:run, self(), reference, head, parts, state})

    case wait(socket, reference, monitor) do
      {:answer, answer, rest, new} ->
        Frames.send_frame(socket, :final, Map.merge(answer, usage()), rest)
        serve(socket, guest, if(head["rehearsal"], do: state, else: new))

      {:ended, reason} ->
        Frames.send_frame(socket, :final, Map.merge(Failure.ended(reason), usage()))
        serve(socket, Guest.start(), state)
    end
  end

  defp wait(socket, reference, monitor) do
    receive do
      {^reference, answer, rest, state} ->
        {:answer, answer, rest, state}

      {:DOWN, ^monitor, _, _, reason} ->
        {:ended, reason}

      {:tool, from, call, name, arguments} ->
        send(from, {call, ask(socket, name, arguments)})
        wait(socket, reference, monitor)
    end
  end

  defp ask(socket, name, arguments) do
    Frames.send_frame(socket, :tool_call, %{"tool" => name}, [Frames.to_term(arguments)])
    {:tool_result, [head | parts]} = Frames.read(socket)

    case {:erlang.binary_to_term(head), parts} do
      {%{"error_type" => type} = head, _} -> {:error, type, Map.get(head, "message", "")}
      {head, [part | _]} -> {:ok, DspexActors.Values.decode(part, head["tagged"])}
    end
  end

  # Processes that an earlier call has left behind have no tools.
  defp turn_away do
    receive do
      {:tool, from, call, _, _} ->
        send(from, {call, {:error, "RuntimeError", "the execution that had this tool is over"}})
        turn_away()
    after
      0 -> :ok
    end
  end

  defp usage do
    {cpu_ms, _} = :erlang.statistics(:runtime)
    %{"cpu_s" => cpu_ms / 1000, "memory_peak_bytes" => peak()}
  end

  # The largest resident size as the kernel knows it; where that cannot be read, what is allocated now.
  defp peak do
    with {:ok, status} <- File.read("/proc/self/status"),
         [_, kilobytes] <- Regex.run(~r/VmHWM:\s+(\d+) kB/, status) do
      String.to_integer(kilobytes) * 1024
    else
      _ -> :erlang.memory(:total)
    end
  end
end
