defmodule DspexActors.Values do
  @moduledoc """
  Values from the host: the structs that `_etf.py` has left to be made.

  Values for the host go as they are; what Python has no value for is refused on its side.
  """

  @doc "Return the value of a part, in which there are structs to be made or not."
  def decode(part, tagged) do
    value = :erlang.binary_to_term(part, [:safe])
    if tagged, do: restore(value), else: value
  end

  defp restore({:"$set", items}), do: MapSet.new(restore(items))
  defp restore({:"$range", [first, last, step]}), do: Range.new(first, last, step)
  defp restore({:"$date", text}), do: Date.from_iso8601!(text)
  defp restore({:"$time", text}), do: Time.from_iso8601!(text)
  defp restore({:"$naive", text}), do: NaiveDateTime.from_iso8601!(text)

  defp restore({:"$utc", text}) do
    {:ok, moment, 0} = DateTime.from_iso8601(text)
    moment
  end

  defp restore(value) when is_list(value), do: Enum.map(value, &restore/1)
  defp restore(value) when is_map(value), do: Map.new(value, fn {key, item} -> {restore(key), restore(item)} end)
  defp restore(value) when is_tuple(value), do: List.to_tuple(restore(Tuple.to_list(value)))
  defp restore(value), do: value
end
