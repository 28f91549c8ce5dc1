%% Reads terms that we wrote, shows each, and writes it back: in the form of OTP 26, and compressed in that of OTP 25.
%% Arguments: the file to read (32-bit size and term, repeated), the file to write (the same).
-mode(compile).

main([In, Out]) ->
    {ok, Data} = file:read_file(In),
    Terms = [binary_to_term(Part, [safe]) || Part <- parts(Data)],
    [io:format("~0p~n", [Term]) || Term <- Terms],
    %% What is the default from OTP 26 on.
    Back = [term_to_binary(Term, [{minor_version, 2}]) || Term <- Terms],
    Compressed = [term_to_binary(Term, [{compressed, 9}, {minor_version, 1}]) || Term <- Terms],
    ok = file:write_file(Out, [[<<(byte_size(Part)):32>>, Part] || Part <- Back ++ Compressed]).

%% The atoms of the tags have to exist before binary_to_term may use them.
tags() ->
    ['$bytes', '$float', '$tuple', '$set', '$frozenset', '$dict', '$bytearray', '$range', '$fraction', '$complex',
     '$decimal', '$uuid', '$date', '$datetime', '$time', '$timedelta', '$timezone', '$ellipsis', '$ndarray',
     '$scalar', nil].

parts(Data) ->
    true = lists:all(fun erlang:is_atom/1, tags()),
    split(Data).

split(<<>>) -> [];
split(<<Size:32, Part:Size/binary, Rest/binary>>) -> [Part | split(Rest)].
