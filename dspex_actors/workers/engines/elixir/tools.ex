defmodule DspexActors.Tools do
  @moduledoc """
  The tools of an execution: functions of a module that is made for them and imported into the guest's code.

  A function takes up to eight arguments; a keyword list as the last one becomes Python's keyword arguments.
  """

  defmodule Error do
    @moduledoc "What a tool of the host's has raised, or why it could not be called."
    defexception [:tool, :error_type, :message]

    @impl true
    def message(%{message: ""} = error), do: error.error_type
    def message(error), do: "#{error.error_type}: #{error.message}"
  end

  @most_arguments 8

  @doc "Return what imports the tools of these names; each has to be one that Elixir can call."
  def import_of(names) do
    functions = Enum.map(names, &{String.to_atom(&1), &1})
    Module.create(DspexActors.Tools.Imported, definitions(functions), Macro.Env.location(__ENV__))
    hidden = for {name, arity} <- Kernel.__info__(:functions) ++ Kernel.__info__(:macros), List.keymember?(functions, name, 0), do: {name, arity}

    quote do
      import Kernel, except: unquote(hidden)
      import DspexActors.Tools.Imported
    end
  end

  defp definitions(functions) do
    for {name, text} <- functions, arity <- 0..@most_arguments do
      arguments = Macro.generate_arguments(arity, __MODULE__)

      quote do
        def unquote(name)(unquote_splicing(arguments)) do
          DspexActors.Tools.call(unquote(text), unquote(arguments))
        end
      end
    end
  end

  @doc "Have the host run a tool; return its value."
  def call(name, arguments) do
    {positional, named} = split(arguments)
    reference = Process.monitor(DspexActors.Driver)
    send(DspexActors.Driver, {:tool, self(), reference, name, [positional, named]})

    answer =
      receive do
        {^reference, answer} -> answer
        {:DOWN, ^reference, _, _, _} -> {:error, "RuntimeError", "the driver has ended"}
      end

    Process.demonitor(reference, [:flush])

    case answer do
      {:ok, value} -> value
      {:error, type, message} -> raise Error, tool: name, error_type: type, message: message
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
