defmodule DspexActors.Guest do
  @moduledoc """
  The process in which guest code is evaluated, one call after the other.

  A session's names, imports, aliases and requires are in its state, which the driver keeps as well: should this
  process be ended, the next one goes on from the last call that has been answered.
  """

  alias DspexActors.{Diagnosis, Failure, Frames, Lint, Tools, Values}

  @line :"$dspex_line"

  # The worker counts exactly; a term takes at most this many times the bytes of a value, and a bit. See `_driver.py`.
  @widest 8
  @slack 65_536

  @doc "Return the state in which nothing has run."
  def new(rules), do: %{binding: [], env: nil, calls: 0, rules: rules}

  @doc "Start one. It answers `{:run, from, reference, head, parts, state}` by `{reference, head, parts, state}`."
  def start, do: spawn_monitor(&loop/0)

  defp loop do
    receive do
      {:run, from, reference, head, parts, state} ->
        {answer, rest, state} = run(head, parts, state)
        send(from, {reference, answer, rest, state})
    end

    loop()
  end

  @doc "Return the answer to a request, its further parts, and the next state."
  def run(%{"read" => name}, _, state) do
    case Enum.find(state.binding, fn {key, _} -> is_atom(key) and Atom.to_string(key) == name end) do
      nil -> {%{"outcome" => "missing"}, [], state}
      {_, value} -> answer(value, nil, state)
    end
  end

  def run(head, parts, state) do
    file = if head["keep"], do: "<guest-#{state.calls}>", else: "<guest>"
    state = %{state | calls: state.calls + 1}
    Process.put(@line, 0)

    {found, said} = Diagnosis.collect(fn -> attempt(head, parts, file, state) end)

    case found do
      {:ok, {answer, rest, state}} ->
        {diagnosed(answer, said, nil), rest, state}

      {:caught, :throw, {__MODULE__, type, message, traceback}, _} ->
        answer = %{"outcome" => "failed", "error_type" => type, "message" => message, "traceback" => traceback}
        {diagnosed(answer, said, nil), [], state}

      {:caught, kind, reason, stack} ->
        reason = Diagnosis.detailed(reason, said)
        answer = Failure.describe(kind, reason, stack, file, Process.get(@line, 0))
        {diagnosed(answer, said, reason), [], state}
    end
  end

  defp attempt(head, parts, file, state) do
    {:ok, evaluate(head, parts, file, state)}
  catch
    kind, reason -> {:caught, kind, reason, __STACKTRACE__}
  end

  defp diagnosed(answer, said, error), do: Map.merge(answer, Diagnosis.fields(said, error))

  defp evaluate(head, parts, file, state) do
    binding = bind(state.binding, parts, head)
    own = %{(state.env || Code.env_for_eval(file: file)) | file: file, line: 1}
    env = Tools.import_into(own, Enum.map(head["tools"] || [], &name!(&1, "tool")))
    ast = Code.string_to_quoted!(head["code"], file: file, columns: true)
    refuse(Lint.check(ast, state.rules), file)
    {value, binding, env} = Code.eval_quoted_with_env(marked(ast), binding, env)
    kept = if head["keep"], do: %{state | binding: binding, env: Tools.remove(env, own)}, else: state
    answer(value, head["result_bytes"], kept)
  end

  defp bind(binding, [], _), do: binding

  defp bind(binding, [part | _], head) do
    for {text, value} <- Values.decode(part, head["tagged"]), name = name!(text, "variable"), reduce: binding do
      found -> List.keystore(found, name, 0, {name, value})
    end
  end

  # The name as an atom, if code can use it without any ado.
  defp name!(name, what) do
    case Code.string_to_quoted(name) do
      {:ok, {found, _, nil}} when is_atom(found) -> found
      _ -> throw({__MODULE__, "NameError", "the #{what} #{name} is no name in Elixir", ""})
    end
  end

  defp refuse([], _), do: :ok

  defp refuse(found, file) do
    names = found |> Enum.map(&elem(&1, 0)) |> Enum.uniq() |> Enum.take(10) |> Enum.join(", ")
    message = "this code is not meant to use #{names}"
    lines = for {name, line} <- Enum.take(found, 20), do: "    #{file}:#{line}: #{name}"
    throw({__MODULE__, "LintError", message, Enum.join(["** (LintError) #{message}" | lines], "\n")})
  end

  # Code that notes the line of each statement at top level before it runs it.
  defp marked({:__block__, meta, statements}), do: {:__block__, meta, Enum.flat_map(statements, &with_mark/1)}
  defp marked(statement), do: {:__block__, [], with_mark(statement)}

  defp with_mark(statement) do
    case first_line(statement) do
      nil -> [statement]
      line -> [quote(do: :erlang.put(unquote(@line), unquote(line))), statement]
    end
  end

  defp first_line(statement) do
    {_, line} =
      # An atom is greater than any number, so the first line found is the least.
      Macro.prewalk(statement, nil, fn
        {_, meta, _} = node, line when is_list(meta) -> {node, min(line, Keyword.get(meta, :line, line))}
        node, line -> {node, line}
      end)

    line
  end

  # The value of `defmodule` has the module's code in it, which is of no use to the host.
  defp answer({:module, module, code, _}, most, state) when is_atom(module) and is_binary(code) do
    answer(module, most, state)
  end

  defp answer(value, most, state) do
    size = :erlang.external_size(value)

    if most != nil and size > @widest * most + @slack do
      {%{"outcome" => "result", "used" => size}, [], state}
    else
      {%{"outcome" => "completed"}, [Frames.to_term(value)], state}
    end
  end
end
