defmodule DspexActors.Lint do
  @moduledoc """
  Looks for modules and functions that code is not meant to use, by their names in its syntax tree.

  This finds mistakes, early and with their lines. It is no protection: a name that is put together while the code
  runs is not seen. Guests are kept from the host by the sandbox around this process.

  A rule is a module (`"File"`, `":os"`, those below it included), a function (`"System.halt"`, `":os.cmd"`) or a name
  without a module (`"spawn"`).
  """

  @callers [:apply, :spawn, :spawn_link, :spawn_monitor, :capture]

  @doc "Return what is forbidden in the code, each as `{name, line}`; rules are texts."
  def check(_ast, []), do: []

  def check(ast, rules) do
    rules = MapSet.new(rules)
    aliases = aliases(ast)
    imported = imported(ast, aliases, rules)

    {_, {found, _}} =
      Macro.prewalk(ast, {[], 1}, fn node, {found, line} ->
        line = line_of(node, line)
        names = Enum.filter(names(node, aliases, imported), &forbidden?(&1, rules))
        {node, {Enum.map(names, &{&1, line}) ++ found, line}}
      end)

    found |> Enum.reverse() |> Enum.uniq()
  end

  defp forbidden?(name, rules), do: MapSet.member?(rules, name) or Enum.any?(parents(name), &MapSet.member?(rules, &1))

  # "Task.Supervisor.start_link" lies below "Task.Supervisor" and "Task"; ":os.cmd" below ":os".
  defp parents(name) do
    parts = String.split(name, ".")
    for count <- Enum.drop(1..length(parts), -1), do: parts |> Enum.take(count) |> Enum.join(".")
  end

  # Names that a node of the tree uses.
  defp names({:__aliases__, _, _} = node, aliases, _), do: module(node, aliases)

  defp names({{:., _, [target, function]}, _, arguments}, aliases, _) when is_atom(function) and is_list(arguments) do
    called = for module <- module(target, aliases), do: full_name(module, function)
    called ++ applied(function, arguments, aliases)
  end

  # A captured function: `&spawn/1`.
  defp names({:/, _, [{function, _, context}, arity]}, _, imported)
       when is_atom(function) and is_atom(context) and is_integer(arity) do
    [Atom.to_string(function) | Map.get(imported, function, [])]
  end

  defp names({function, _, arguments}, aliases, imported) when is_atom(function) and is_list(arguments) do
    [Atom.to_string(function) | Map.get(imported, function, [])] ++ applied(function, arguments, aliases)
  end

  defp names(atom, _, _) when is_atom(atom) do
    case Atom.to_string(atom) do
      "Elixir." <> name when name != "" -> [name]
      _ -> []
    end
  end

  defp names(_, _, _), do: []

  # What is in Kernel has its name without a module.
  defp full_name("Kernel", function), do: Atom.to_string(function)
  defp full_name(module, function), do: "#{module}.#{function}"

  # `apply(:os, :cmd, [...])` and what is called the same way.
  defp applied(caller, [target, function | _], aliases) when caller in @callers and is_atom(function) do
    for module <- module(target, aliases), do: full_name(module, function)
  end

  defp applied(_, _, _), do: []

  defp module({:__aliases__, _, [first | rest]}, aliases) when is_atom(first) do
    [Enum.join([Map.get(aliases, first, first) | rest], ".")]
  end

  defp module(atom, _) when is_atom(atom) and atom not in [nil, true, false], do: [inspect(atom)]
  defp module(_, _), do: []

  # `alias Some.Module`, `alias Some.Module, as: Other` and `alias Some.{One, Two}`, wherever they stand.
  defp aliases(ast) do
    {_, found} =
      Macro.prewalk(ast, %{}, fn
        {:alias, _, [{:__aliases__, _, parts}, [as: {:__aliases__, _, [name]}]]} = node, found ->
          {node, Map.put(found, name, Enum.join(parts, "."))}

        {:alias, _, [{{:., _, [{:__aliases__, _, parts}, :{}]}, _, many}]} = node, found ->
          several = for {:__aliases__, _, more} <- many, do: {List.last(more), Enum.join(parts ++ more, ".")}
          {node, Map.merge(found, Map.new(several))}

        {:alias, _, [{:__aliases__, _, parts}]} = node, found ->
          {node, Map.put(found, List.last(parts), Enum.join(parts, "."))}

        {:alias, _, [atom, [as: {:__aliases__, _, [name]}]]} = node, found when is_atom(atom) ->
          {node, Map.put(found, name, inspect(atom))}

        node, found ->
          {node, found}
      end)

    found
  end

  # What an import of a module with forbidden functions makes of names without a module.
  defp imported(ast, aliases, rules) do
    {_, modules} =
      Macro.prewalk(ast, [], fn
        {:import, _, [target | _]} = node, found -> {node, module(target, aliases) ++ found}
        node, found -> {node, found}
      end)

    for rule <- rules, module <- modules, String.starts_with?(rule, module <> "."), reduce: %{} do
      found ->
        function = rule |> String.replace_prefix(module <> ".", "") |> String.to_atom()
        Map.update(found, function, [rule], &[rule | &1])
    end
  end

  defp line_of({_, meta, _}, line) when is_list(meta), do: Keyword.get(meta, :line, line)
  defp line_of(_, line), do: line
end
