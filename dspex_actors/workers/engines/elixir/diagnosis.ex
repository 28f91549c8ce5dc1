defmodule DspexActors.Diagnosis do
  @moduledoc """
  What the compiler says. Warnings go to standard error, each with its line; so it is with errors from Elixir 1.15 on,
  whose `CompileError` says no more than that there were some. They are put into it here.
  """

  @doc "Evaluate code, as `Code.eval_quoted_with_env/3` does."
  def evaluate(ast, binding, env) do
    {outcome, found} = collect(fn -> attempt(ast, binding, env) end)

    case outcome do
      {:ok, result} -> result
      {:raised, kind, reason, stack} -> :erlang.raise(kind, detailed(reason, found), stack)
    end
  end

  defp attempt(ast, binding, env) do
    {:ok, Code.eval_quoted_with_env(ast, binding, env)}
  catch
    kind, reason -> {:raised, kind, reason, __STACKTRACE__}
  end

  if function_exported?(Code, :with_diagnostics, 2) do
    defp collect(function), do: Code.with_diagnostics([log: true], function)
  else
    defp collect(function), do: {function.(), []}
  end

  @doc "Return an error of the compiler's with what it has said; any other as it is."
  def detailed(%CompileError{} = error, found) do
    case for(%{severity: :error} = each <- found, do: "#{each.file}:#{line(each.position)}: #{each.message}") do
      [] -> error
      lines -> %{error | file: nil, line: nil, description: Enum.join(lines, "\n")}
    end
  end

  def detailed(reason, _), do: reason

  defp line({line, _}), do: line
  defp line(line), do: line
end
