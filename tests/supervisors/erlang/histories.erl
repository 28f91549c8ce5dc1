%% Plays histories on OTP's own supervisor and prints what can be seen after each step.
%%
%%     escript histories.erl FILE
%%
%% FILE holds one term {history, Seed, Tree, Steps, Last} after the other, see _histories.py. Nothing here
%% waits for time to pass: the player asks the supervisors until nothing is under way any more.
-module(histories).
-mode(compile).
-export([main/1, init/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2]).

-define(PERIOD, 3600).
-define(CEILING, 10000).

main([File]) ->
    logger:set_primary_config(level, none),
    process_flag(trap_exit, true),
    {ok, Histories} = file:consult(File),
    lists:foreach(fun play/1, Histories).

play({history, Seed, Tree, Steps, Last}) ->
    io:format("history ~b~n", [Seed]),
    Player = self(),
    World = spawn_link(fun() -> world(#{player => Player, count => #{}, now => #{}, gate => none,
                                        alive => #{}, log => [], downs => []}) end),
    case supervisor:start_link(?MODULE, {tree, World, root, Tree}) of
        {ok, Root} ->
            told(World, Root, "start", "ok"),
            steps(World, Root, Steps, Last);
        {error, Reason} ->
            receive {'EXIT', _, _} -> ok after ?CEILING -> exit(hung) end,
            told(World, none, "start", start_error(Reason))
    end,
    unlink(World),
    exit(World, kill).

steps(World, Root, [Step | Steps], Last) ->
    Result = do(World, Root, Step),
    case told(World, Root, name(Step), Result) of
        ended -> ok;
        alive -> steps(World, Root, Steps, Last)
    end;
steps(World, Root, [], Last) ->
    Ref = monitor(process, Root),
    exit(Root, reason(Last)),
    receive {'DOWN', Ref, _, _, _} -> ok after ?CEILING -> exit(hung) end,
    told(World, Root, "stop " ++ atom_to_list(Last), "ok").

%% -- steps

do(World, _, {exit, Id, Reason}) ->
    ended(World, Id, fun(Pid) -> gen_server:cast(Pid, {stop, reason(Reason)}) end);
do(World, _, {kill, Id}) ->
    ended(World, Id, fun(Pid) -> exit(Pid, kill) end);
do(World, Root, {meanwhile, Id, Ask}) ->
    ask(World, {gate, Id}),
    case ended(World, Id, fun(Pid) -> gen_server:cast(Pid, {stop, boom}) end) of
        "not running" -> ask(World, ungate), "not running";
        _ ->
            Player = self(),
            spawn_link(fun() -> quiet(World, Root), Player ! quiet end),
            Result = receive
                         {at_gate, Starting} ->
                             Sent = send_request(World, Root, Ask),
                             Starting ! fail,
                             Answer = answer(Ask, Sent),
                             receive quiet -> Answer after ?CEILING -> exit(hung) end;
                         quiet -> "never got there"
                     after ?CEILING -> exit(hung)
                     end,
            ask(World, ungate),
            Result
    end;
do(World, Root, {change, Id, Tree}) ->
    case supervisor_of(World, Root, Id) of
        none -> "no supervisor";
        Sup -> change(Sup, Tree)
    end;
do(World, Root, Ask) ->
    answer(Ask, send_request(World, Root, Ask)).

ended(World, Id, Fun) ->
    case ask(World, {running, Id}) of
        none -> "not running";
        Pid ->
            Ref = monitor(process, Pid),
            Fun(Pid),
            receive {'DOWN', Ref, _, _, _} -> "ok" after ?CEILING -> exit(hung) end
    end.

send_request(World, Root, Ask) ->
    case supervisor_of(World, Root, element(if element(1, Ask) =:= start -> 2; true -> 3 end, Ask)) of
        none -> none;
        Sup -> gen_server:send_request(Sup, request(World, Ask))
    end.

supervisor_of(_, Root, root) -> Root;
supervisor_of(World, _, Id) -> ask(World, {running, Id}).

request(World, {start, _, Child}) -> {start_child, spec(World, Child)};
request(_, {admin, Verb, _, Id}) -> {Verb, Id}.

%% init is called again, by the supervisor, and finds what to return in a persistent term.
change(Sup, Tree) ->
    persistent_term:put({change, Sup}, Tree),
    ok = sys:suspend(Sup, ?CEILING),
    Result = sys:change_code(Sup, ?MODULE, before, [], ?CEILING),
    ok = sys:resume(Sup, ?CEILING),
    case Result of
        ok -> "ok";
        {error, {error, {bad_combination, _}}} -> "bad_combination"
    end.

answer(_, none) -> "no supervisor";
answer(Ask, Sent) ->
    case gen_server:receive_response(Sent, ?CEILING) of
        timeout -> exit(hung);
        {error, {Reason, _}} -> "it ended: " ++ text(Reason);
        {reply, Reply} -> result(Ask, Reply)
    end.

result(_, ok) -> "ok";
result(_, {ok, undefined}) -> "ignored";
result(_, {ok, _}) -> "ok";
result(_, {error, Atom}) when Atom =:= not_found; Atom =:= already_present; Atom =:= restarting;
                              Atom =:= running -> atom_to_list(Atom);
result({start, _, _}, {error, {already_started, _}}) -> "already_started";
result({start, _, _}, {error, {bad_combination, _}}) -> "bad_combination";
result({start, _, _}, {error, {Reason, Child}}) when element(1, Child) =:= child -> "failed: " ++ text(Reason);
result(_, {error, Reason}) -> "failed: " ++ text(Reason).

start_error({shutdown, {failed_to_start_child, Id, Reason}}) ->
    io_lib:format("failed: ~s ~s", [Id, text(Reason)]).

%% -- what can be seen

told(World, Root, Step, Result) ->
    {Life, Living, Children} = quiet(World, Root),
    {Log, Downs} = ask(World, {sync, Living}),
    io:format("~s -> ~s~n  children: ~s~n  did: ~s~n  down: ~s~n",
              [Step, Result, Children, lists:join(", ", Log), lists:join(", ", Downs)]),
    Life.

%% Ask all supervisors until each child is running or stopped.
quiet(_, none) -> {ended, [], "none"};
quiet(World, Root) ->
    case look(Root, "root") of
        {quiet, Living, Lines} -> {alive, [Root | Living], lists:join("; ", Lines)};
        busy -> erlang:yield(), quiet(World, Root);
        gone -> {ended, [], ["root ended ", ask(World, {ended, Root})]}
    end.

look(Sup, Name) ->
    try {supervisor:which_children(Sup), supervisor:count_children(Sup)} of
        {Children, Counts} ->
            Numbers = [integer_to_list(proplists:get_value(Key, Counts)) || Key <- [specs, active, supervisors, workers]],
            Line = [Name, ":", [[" ", atom_to_list(Id), if is_pid(Pid) -> ""; true -> ["=", atom_to_list(Pid)] end]
                                || {Id, Pid, _, _} <- Children],
                    " (", lists:join(" ", Numbers), ")"],
            below(Children, [], [Line])
    catch exit:_ -> gone
    end.

below([], Living, Lines) -> {quiet, Living, Lines};
below([{_, restarting, _, _} | _], _, _) -> busy;
below([{_, undefined, _, _} | Rest], Living, Lines) -> below(Rest, Living, Lines);
below([{Id, Pid, supervisor, _} | Rest], Living, Lines) ->
    case look(Pid, atom_to_list(Id)) of
        {quiet, More, Below} -> below(Rest, [Pid | More ++ Living], Lines ++ Below);
        _ -> busy
    end;
below([{_, Pid, worker, _} | Rest], Living, Lines) ->
    case is_process_alive(Pid) of
        true -> below(Rest, [Pid | Living], Lines);
        false -> busy
    end.

%% -- what the children tell: one process that keeps their log and sees each of them end

ask(World, Question) ->
    Ref = monitor(process, World),
    World ! {self(), Ref, Question},
    receive
        {Ref, Answer} -> demonitor(Ref, [flush]), Answer;
        {'DOWN', Ref, _, _, Reason} -> exit({world, Reason})
    after ?CEILING -> exit(hung)
    end.

world(State) ->
    receive
        {'DOWN', _, process, Pid, Reason} -> world(down(Pid, Reason, State));
        {From, Ref, Question} ->
            {Answer, Next} = world(Question, From, State),
            From ! {Ref, Answer},
            world(Next)
    end.

world({born, Id}, Pid, State = #{count := Count, now := Now, alive := Alive, gate := Gate, player := Player}) ->
    N = maps:get(Id, Count, 0) + 1,
    monitor(process, Pid),
    Name = io_lib:format("~s#~b", [Id, N]),
    Born = State#{count := Count#{Id => N}, now := Now#{Id => Pid}, alive := Alive#{Pid => Name}},
    Noted = note(["init ", Name], Born),
    if Gate =:= Id -> {{N, Player}, Noted#{gate := none}};
       true -> {{N, open}, Noted}
    end;
world({note, Text}, _, State) -> {ok, note(Text, State)};
world({gate, Id}, _, State) -> {ok, State#{gate := Id}};
world(ungate, _, State) -> {ok, State#{gate := none}};
world({running, Id}, _, State = #{now := Now}) ->
    Pid = maps:get(Id, Now, none),
    {case is_pid(Pid) andalso is_process_alive(Pid) of true -> Pid; false -> none end, State};
world({ended, Root}, _, State) ->
    Next = settled(Root, State),
    {maps:get(Root, Next), Next};
world({sync, Living}, _, State) ->
    Ending = maps:keys(maps:without(Living, maps:get(alive, State))),
    Settled = #{log := Log, downs := Downs} = lists:foldl(fun settled/2, State, Ending),
    {{lists:reverse(Log), lists:sort(Downs)}, Settled#{log := [], downs := []}}.

%% Wait for the DOWN of a process that is dead, or about to be: a start that fails is reported before its end.
settled(Pid, State = #{alive := Alive}) ->
    case maps:is_key(Pid, Alive) of
        true -> receive {'DOWN', _, process, Pid, Reason} -> down(Pid, Reason, State) end;
        false -> State
    end.

down(Pid, Reason, State = #{alive := Alive, downs := Downs}) ->
    {Name, Rest} = maps:take(Pid, Alive),
    Line = lists:flatten([Name, " ", text(Reason)]),
    State#{alive := Rest, downs := [Line | Downs], Pid => text(Reason)}.

note(Text, State = #{log := Log}) -> State#{log := [Text | Log]}.

%% -- supervisors and children

spec(World, Child = {Id, Restart, _, _, _, none, Significant}) ->
    #{id => Id, restart => Restart, significant => Significant, shutdown => stop(Child),
      start => {gen_server, start_link, [?MODULE, {child, World, Child}, []]}};
spec(World, {Id, Restart, _, _, _, Tree, _}) ->
    #{id => Id, restart => Restart, type => supervisor,
      start => {supervisor, start_link, [?MODULE, {tree, World, Id, Tree}]}}.

stop({_, _, _, _, brutal, _, _}) -> brutal_kill;
stop(_) -> 5000.

init({tree, World, Id, Tree}) ->
    case persistent_term:get({change, self()}, none) of
        none -> ask(World, {born, Id}), flags_and_specs(World, Tree);
        Other -> flags_and_specs(World, Other)
    end;
init({child, World, Child = {Id, _, Starts, _, _, _, _}}) ->
    process_flag(trap_exit, true),
    {N, Gate} = ask(World, {born, Id}),
    State = {World, Child, io_lib:format("~s#~b", [Id, N])},
    case Gate of
        open when N > length(Starts) -> {ok, State};
        open -> outcome(lists:nth(N, Starts), State);
        Player ->
            Player ! {at_gate, self()},
            receive fail -> {stop, boom} end
    end.

flags_and_specs(World, {Strategy, Intensity, Children, AutoShutdown}) ->
    {ok, {#{strategy => Strategy, intensity => Intensity, period => ?PERIOD, auto_shutdown => AutoShutdown},
          [spec(World, Child) || Child <- Children]}}.

outcome(ok, State) -> {ok, State};
outcome(ignore, _) -> ignore;
outcome(raise, _) -> exit(boom);
outcome('stop:boom', _) -> {stop, boom};
outcome('stop:shutdown', _) -> {stop, shutdown};
outcome('stop:normal', _) -> {stop, normal}.

handle_call(_, _, State) -> {noreply, State}.
handle_cast({stop, Reason}, State) -> {stop, Reason, State}.
handle_info(_, State) -> {noreply, State}.

terminate(Reason, {World, {_, _, _, Ends, _, _, _}, Name}) ->
    ask(World, {note, ["terminate ", Name, " ", text(Reason)]}),
    case Ends of
        well -> ok;
        badly -> exit(late)
    end;
terminate(_, _) -> ok.

%% -- words

reason('shutdown:asked') -> {shutdown, asked};
reason(Reason) -> Reason.

text({shutdown, {failed_to_start_child, Id, Reason}}) -> ["shutdown:failed:", atom_to_list(Id), ":", text(Reason)];
text({shutdown, Detail}) -> ["shutdown:", atom_to_list(Detail)];
text(Reason) when is_atom(Reason) -> atom_to_list(Reason);
text(Reason) -> io_lib:format("~0p", [Reason]).

name({exit, Id, Reason}) -> io_lib:format("~s exits ~s", [Id, Reason]);
name({kill, Id}) -> io_lib:format("~s is killed", [Id]);
name({start, Sup, Child}) -> io_lib:format("start_child ~s in ~s", [element(1, Child), Sup]);
name({admin, Verb, Sup, Id}) -> io_lib:format("~s ~s in ~s", [Verb, Id, Sup]);
name({change, Sup, {Strategy, Intensity, _, AutoShutdown}}) ->
    io_lib:format("change of ~s to ~s ~b ~s", [Sup, Strategy, Intensity, AutoShutdown]);
name({meanwhile, Id, Ask}) -> io_lib:format("~s crashes and meanwhile ~s", [Id, name(Ask)]).
