%% OTP's part of supervisors.py: reads a word and a number from a line, measures, and answers with JSON.
-module(supervisors).
-mode(compile).
-export([main/1, init/1, handle_call/3, handle_cast/2, handle_info/2]).

main(_) ->
    logger:set_primary_config(level, none),
    process_flag(trap_exit, true),
    {ok, Echo} = gen_server:start_link(?MODULE, {echo, none}, []),
    Bench = self(),
    {ok, Tree} = supervisor:start_link(?MODULE, {tree, Bench}),
    receive {born, Child} -> put(child, Child) end,
    {ok, Pool} = supervisor:start_link(?MODULE, pool),
    loop(Echo, Tree, Pool).

loop(Echo, Tree, Pool) ->
    case io:get_line("") of
        eof -> ok;
        Line ->
            [Word, Number] = string:lexemes(Line, " \n"),
            N = list_to_integer(Number),
            io:format("~s~n", [case Word of
                "call" -> figures(N, fun() -> gen_server:call(Echo, x) end);
                "casts" -> casts(Echo, N);
                "alone" -> figures(N, fun() -> {ok, _} = gen_server:start_link(?MODULE, {echo, none}, []) end);
                "supervised" -> figures(N, fun() -> {ok, _} = supervisor:start_child(Pool, []) end);
                "crash" -> figures(N, fun crash/0);
                "herd" -> herd(N)
            end]),
            loop(Echo, Tree, Pool)
    end.

figures(N, Fun) ->
    Times = [begin Begun = now_ns(), Fun(), now_ns() - Begun end || _ <- lists:seq(1, N)],
    ["[", lists:join(",", [us(Time) || Time <- Times]), "]"].

casts(Echo, N) ->
    Begun = now_ns(),
    [gen_server:cast(Echo, x) || _ <- lists:seq(1, N)],
    gen_server:call(Echo, x, infinity),
    io_lib:format("~.1f", [N / (now_ns() - Begun) * 1.0e9]).

crash() ->
    gen_server:cast(get(child), crash),
    receive {born, Pid} -> put(child, Pid) end.

herd(N) ->
    {ok, Pool} = supervisor:start_link(?MODULE, pool),
    erlang:garbage_collect(),
    Before = erlang:memory(total),
    Begun = now_ns(),
    [supervisor:start_child(Pool, []) || _ <- lists:seq(1, N)],
    Started = now_ns() - Begun,
    Weight = (erlang:memory(total) - Before) / 1024 / N,
    Stopping = now_ns(),
    exit(Pool, shutdown),
    receive {'EXIT', Pool, _} -> ok end,
    io_lib:format("[~.3f,~.3f,~.3f]", [Weight, Started / 1.0e6, (now_ns() - Stopping) / 1.0e6]).

now_ns() -> erlang:monotonic_time(nanosecond).
us(Nanoseconds) -> io_lib:format("~.3f", [Nanoseconds / 1000]).

init({tree, Bench}) ->
    {ok, {#{intensity => 1000000000, period => 5}, [#{id => child, start => {gen_server, start_link, [?MODULE, {echo, Bench}, []]}}]}};
init(pool) ->
    {ok, {#{strategy => simple_one_for_one},
          [#{id => echo, restart => temporary, start => {gen_server, start_link, [?MODULE, {echo, none}, []]}}]}};
init({echo, none}) -> {ok, none};
init({echo, Bench}) -> Bench ! {born, self()}, {ok, Bench}.

handle_call(Message, _, State) -> {reply, Message, State}.
handle_cast(crash, State) -> {stop, boom, State};
handle_cast(_, State) -> {noreply, State}.
handle_info(_, State) -> {noreply, State}.
