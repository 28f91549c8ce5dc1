defmodule DspexActors.Failure do
  @moduledoc """
  What guest code has raised, thrown or exited with, as text: type, message, and the lines of the guest's own files.
  """

  @most_lines 40
  @most_chars 8000

  @doc """
  Return the fields of a final frame.

  `line` is that of the statement at top level which was running, 0 for none: before Elixir 1.15 code that is
  evaluated is not in the stack.
  """
  def describe(kind, reason, stack, file, line) do
    {type, message} = name(kind, Exception.normalize(kind, reason, stack))
    lines = guest_lines(stack, file, line)

    %{
      "outcome" => "failed",
      "error_type" => type,
      "message" => clip(message),
      "traceback" => Enum.join(["** (#{type}) #{clip(message)}" | lines], "\n")
    }
  end

  @doc "Return the fields of a final frame for a process that was killed."
  def ended(reason) do
    message = "the process that runs the code was ended: #{clip(exit_text(reason))}"
    %{"outcome" => "failed", "error_type" => "exit", "message" => message, "traceback" => "** (exit) #{message}"}
  end

  defp name(:error, %module{} = error), do: {inspect(module), message(error)}
  defp name(:throw, value), do: {"throw", show(value)}
  defp name(:exit, reason), do: {"exit", exit_text(reason)}

  defp message(error) do
    Exception.message(error)
  rescue
    _ -> "the message of #{inspect(error.__struct__)} cannot be had"
  end

  defp exit_text(reason) do
    Exception.format_exit(reason)
  rescue
    _ -> show(reason)
  end

  # Inspecting runs code of the guest's, where it has implemented the protocol.
  defp show(value) do
    inspect(value, limit: 50, printable_limit: 500)
  rescue
    _ -> "a value that cannot be inspected"
  end

  defp guest_lines(stack, file, line) do
    own = Enum.filter(stack, &own?/1)
    lines = own |> Enum.take(@most_lines) |> Enum.map(&("    " <> Exception.format_stacktrace_entry(&1)))
    known = Enum.any?(own, fn {_, function, _, _} -> function == :__FILE__ end)
    if known or line == 0, do: lines, else: lines ++ ["    #{file}:#{line}: (file)"]
  end

  defp own?({_, _, _, place}), do: place |> Keyword.get(:file, '') |> to_string() |> String.starts_with?("<guest")
  defp own?(_), do: false

  defp clip(text), do: if(String.valid?(text), do: String.slice(text, 0, @most_chars), else: inspect(text))
end
