defmodule ToolError do
  @moduledoc "What a tool of the host's has raised, or why it could not be called: `tool`, `error_type`, `message`."
  defexception [:tool, :error_type, :message]

  @impl true
  def message(%{message: ""} = error), do: "#{error.tool}: #{error.error_type}"
  def message(error), do: "#{error.tool}: #{error.error_type}: #{error.message}"
end

defmodule DspexActors.Tools do
  @moduledoc """
  The tools of an execution: functions that its code finds imported.

  A function takes up to eight arguments; a keyword list as the last one becomes Python's keyword arguments.
  """

  defmodule Imported do
    @moduledoc "Where the imports lead. It has none of the functions, so Erlang calls what is there for that case."

    @doc false
    def unquote(:"$handle_undefined_function")(name, arguments), do: DspexActors.Tools.call(name, arguments)
  end

  @most_arguments 8

  @doc "Return an environment in which the tools of these names are imported, and what they hide of Kernel is not."
  def import_into(env, names) do
    functions = for name <- Enum.sort(names), arity <- 0..@most_arguments, do: {name, arity}
    shown = fn found -> Enum.reject(found, fn {name, _} -> name in names end) end

    %{
      env
      | functions: [{Imported, functions} | change(env.functions, Kernel, shown)],
        macros: change(env.macros, Kernel, shown)
    }
  end

  @doc "Return an environment without the tools; `before` is the one that they were imported into."
  def remove(env, before) do
    back = fn field -> fn _ -> before |> Map.fetch!(field) |> List.keyfind(Kernel, 0, {Kernel, []}) |> elem(1) end end

    %{
      env
      | functions: env.functions |> List.keydelete(Imported, 0) |> change(Kernel, back.(:functions)),
        macros: change(env.macros, Kernel, back.(:macros))
    }
  end

  defp change(imports, module, function) do
    for {name, found} <- imports, do: {name, if(name == module, do: function.(found), else: found)}
  end

  @doc "Have the host run a tool; return its value."
  def call(name, arguments) do
    {positional, named} = split(arguments)
    reference = Process.monitor(DspexActors.Driver)
    send(DspexActors.Driver, {:tool, self(), reference, Atom.to_string(name), [positional, named]})

    answer =
      receive do
        {^reference, answer} -> answer
        {:DOWN, ^reference, _, _, _} -> {:error, "RuntimeError", "the driver has ended"}
      end

    Process.demonitor(reference, [:flush])

    case answer do
      {:ok, value} -> value
      {:error, type, message} -> raise ToolError, tool: Atom.to_string(name), error_type: type, message: message
    end
  end

  defp split([]), do: {[], %{}}

  defp split(arguments) do
    last = List.last(arguments)

    if last != [] and Keyword.keyword?(last) do
      {Enum.drop(arguments, -1), Map.new(last, fn {name, value} -> {Atom.to_string(name), value} end)}
    else
      {arguments, %{}}
    end
  end
end
