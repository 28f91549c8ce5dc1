defmodule DspexActors.Diagnosis do
  @moduledoc """
  What the compiler says, place by place: maps with the fields of a `Diagnostic`.

  Warnings go to standard error as well, each with its line; so it is with errors from Elixir 1.15 on, whose
  `CompileError` says no more than that there were some. They are put into it here.

  Elixir 1.14 gives nobody its warnings but a parallel compiler, which does more than listen. It prints each by one
  request to standard error, in a form that does not change any more; there they are read.
  """

  @own "<guest"
  @most 100
  @most_chars 8000
  @most_bytes 65_536
  @printed ~r/\Awarning: (.*?)\n(Invalid call found at \d+ locations:\n)?((?:  <guest(?:-\d+)?>:\d+[^\n]*\n)+)(?:  [^\n]*\n)*\n\z/s
  @place ~r/^  <guest(?:-\d+)?>:(\d+)(?::(\d+)$)?/m
  @told [SyntaxError, TokenMissingError, MismatchedDelimiterError, CompileError]

  if function_exported?(Code, :with_diagnostics, 2) do
    @doc "Call a function; return its value, and what the compiler has said meanwhile, if that is not printed alone."
    def collect(function) do
      {value, said} = Code.with_diagnostics([log: true], function)
      {value, Enum.filter(said, &own?(&1.file))}
    end

    @doc "Return what was said in what a request has printed to standard error."
    def printed(_), do: []
  else
    def collect(function), do: {function.(), []}

    def printed(<<"warning: ", _::binary>> = text) when byte_size(text) <= @most_bytes do
      case Regex.run(@printed, text) do
        [_, message, group, places | _] ->
          found = Regex.scan(@place, places)
          for [_ | place] <- if(group == "", do: Enum.take(found, 1), else: found), do: warning(message, place)

        nil ->
          []
      end
    end

    def printed(_), do: []

    defp warning(message, place) do
      [line | column] = Enum.map(place, &String.to_integer/1)
      made(:warning, message, {line, List.first(column)}, nil)
    end
  end

  @doc "Return an error of the compiler's with what it has said; any other as it is."
  def detailed(%CompileError{} = error, said) do
    case for(%{severity: :error} = each <- said, do: "#{each.file}:#{line(each.position)}: #{each.message}") do
      [] -> error
      lines -> %{error | file: nil, line: nil, description: Enum.join(lines, "\n")}
    end
  end

  def detailed(reason, _), do: reason

  @doc """
  Return what the compiler has said, and what is in the error that the call ended with, as fields of a final frame.

  Errors come first where there are more than can be told.
  """
  def fields(said, error) do
    errors? = fn each -> each.severity == :error end
    told = if length(said) > @most, do: Enum.sort_by(said, &(!errors?.(&1))), else: said
    listed = for each <- Enum.take(told, @most), do: made(each.severity, each.message, each.position, each[:span])
    listed = fitting(if(Enum.any?(said, errors?), do: listed, else: listed ++ raised(error)))
    dropped = max(length(said) - length(listed), 0)
    Map.new(for {key, value} <- [{"diagnostics", listed}, {"dropped_notes", dropped}], value not in [[], 0], do: {key, value})
  end

  # A final frame may be small.
  defp fitting(listed) do
    {_, kept} =
      Enum.reduce_while(listed, {@most_bytes * 8, []}, fn each, {room, kept} ->
        left = room - byte_size(each["message"]) - 200
        if left < 0, do: {:halt, {left, kept}}, else: {:cont, {left, [each | kept]}}
      end)

    Enum.reverse(kept)
  end

  defp raised(%module{file: file, line: line, description: text} = error) when module in @told and is_binary(text) do
    place = {line, Map.get(error, :column)}
    if own?(file), do: [made(:error, text, place, {Map.get(error, :end_line), Map.get(error, :end_column)})], else: []
  end

  defp raised(_), do: []

  defp own?(file), do: is_binary(file) and String.starts_with?(Path.basename(file), @own)

  defp made(severity, message, position, span) do
    {line, column} = place(position)
    {end_line, end_column} = place(span)

    %{
      "level" => if(severity == :error, do: "error", else: "warning"),
      "message" => clip(message),
      "line" => line,
      "column" => column,
      "end_line" => end_line,
      "end_column" => end_column
    }
  end

  defp place(line) when is_integer(line), do: {max(line, 0), 0}
  defp place(place) when is_tuple(place) and tuple_size(place) > 1, do: {number(place, 0), number(place, 1)}
  defp place(_), do: {0, 0}

  defp number(place, at), do: if(is_integer(elem(place, at)), do: max(elem(place, at), 0), else: 0)

  defp line(position), do: position |> place() |> elem(0)

  defp clip(text) when is_binary(text) do
    if String.valid?(text), do: String.slice(text, 0, @most_chars), else: clip(inspect(text))
  end

  defp clip(text), do: clip(inspect(text))
end
