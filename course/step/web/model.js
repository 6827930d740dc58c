// --- model: an executor and a reactor, small enough to be delayed -----------
// A thread is a generator: each `yield` is a call, made when its turn comes.
// delay: {thread, call}: 150 ms before that call of that thread.
const MODEL = {CALL: 20e3, DELAY: 150e6, ANSWERS: [120e6, 200e6]};

function model(program, delay) {
  const events = [], queue = [], wakers = {}, arrived = {}, registered = new Set();
  const pending = [], arrivals = [];
  const main = {id: 1, time: 0, calls: 0}, reactor = {id: 2, time: 5e3, calls: 0};
  let permit = false, asleep = false, signalled = false, alive = 2, stop = false;
  const state = [0, 0];
  const tell = (thread, kind, task = -1, source = -1, value = 0) => events.push(
    [thread.time, thread.id, kind, task, source, value, 0, 1, thread.calls]);

  function* poll(task) {
    const source = task + 1;
    const leave = () => { wakers[source] = task; tell(main, "set-waker", task, source); };
    if (!state[task]) {
      state[task] = 1;
      yield; tell(main, "send", task, source);
      arrivals.push([main.time + MODEL.ANSWERS[task], source]);
      yield; registered.add(source); tell(main, "register", task, source, 4 + source);
      if (arrived[source]) pending.push(source);
    }
    if (program !== "waker_late") { yield; leave(); }
    yield;
    if (!arrived[source]) {
      tell(main, "would-block", task, source);
      if (program === "waker_late") { yield; leave(); }
      yield; tell(main, "pending", task);
      return;
    }
    tell(main, "recv", task, source, 0);
    yield; registered.delete(source); delete wakers[source];
    tell(main, "deregister", task, source);
    yield; alive--; tell(main, "ready", task);
  }

  function* executor() {
    for (const task of [0, 1]) {
      tell(main, "spawn", task);
      yield; queue.push(task); tell(main, "push", task, -1, 1);
    }
    while (alive) {
      yield;
      if (queue.length) {
        const task = queue.shift();
        tell(main, "pop", task);
        yield; tell(main, "poll", task);
        yield* poll(task);
        continue;
      }
      yield; // the queue was empty a call ago; this call is park()
      if (permit && program !== "no_permit") {
        permit = false;
        tell(main, "permit");
        continue;
      }
      tell(main, "park");
      asleep = true;
      signalled = false;
      yield () => program === "no_permit" ? signalled : permit;
      asleep = false;
      permit = false;
      tell(main, "awake");
    }
    stop = true;
  }

  function* events_of() {
    for (;;) {
      tell(reactor, "epoll-wait");
      yield () => pending.length > 0 || stop;
      if (!pending.length) return;
      tell(reactor, "epoll-done", -1, -1, pending.length);
      for (const source of pending.splice(0)) {
        yield; tell(reactor, "event", -1, source);
        const task = wakers[source];
        if (task === undefined) continue;
        yield; tell(reactor, "wake", task);
        const push = () => { queue.push(task); tell(reactor, "push", task, -1, 1); };
        const unpark = () => {
          permit = true; // without permits nobody looks at it
          signalled = asleep;
          tell(reactor, "unpark", task, -1, 1);
        };
        yield; program === "unpark_first" ? unpark() : push();
        yield; program === "unpark_first" ? push() : unpark();
      }
      yield;
    }
  }

  main.body = executor();
  reactor.body = events_of();
  const can = t => !t.over && (!t.until || t.until());
  for (let turns = 0; turns < 2000; turns++) {
    const ready = [main, reactor].filter(can).sort((a, b) => a.time - b.time)[0];
    arrivals.sort((a, b) => a[0] - b[0]);
    if (arrivals.length && (!ready || arrivals[0][0] <= ready.time)) {
      const [time, source] = arrivals.shift();
      arrived[source] = true;
      events.push([time, 2, "answer", -1, source, 0, 0, 1, -1]);
      if (registered.has(source)) pending.push(source);
      for (const t of [main, reactor]) // a sleeper wakes up no earlier
        if (t.until && t.until()) t.time = Math.max(t.time, time + MODEL.CALL);
      continue;
    }
    if (!ready) break;
    ready.until = null;
    const next = ready.body.next();
    ready.over = next.done;
    if (next.value) ready.until = next.value;
    ready.calls++;
    ready.time += MODEL.CALL;
    for (const t of [main, reactor]) // who is woken goes on from now
      if (t !== ready && t.until && t.until()) t.time = Math.max(t.time, ready.time);
    if (delay && delay.thread === ready.id && delay.call === ready.calls)
      ready.time += MODEL.DELAY;
  }
  if (!alive) tell(main, "end");
  return {events: events.sort((a, b) => a[0] - b[0]), lost: alive > 0};
}

function modelTrace(program, delay) {
  const {events, lost} = model(program, delay);
  const trace = {
    format: "reveil-trace-1", program: "model",
    title: {en: WORDS.ui.schedule.en, fr: WORDS.ui.schedule.fr},
    threads: [{id: 1, name: "main", role: "executor"},
              {id: 2, name: "reactor", role: "reactor"}],
    tasks: {0: "GET /120", 1: "GET /200"}, sources: {1: "/120", 2: "/200"},
    events: events.map(e => e.slice(0, 8)), calls: events.map(e => e[8]),
    end_ns: lost ? 600e6 : 0, verdict: null};
  if (lost) {
    const kinds = events.map(e => e[2]), nobody = events.findIndex((e, i) =>
      e[2] === "event" && !["wake"].includes((events.slice(i + 1)
        .find(f => f[1] === e[1] && f[2] !== "answer") || [])[2]));
    const step = program === "waker_late" ? nobody
      : Math.max(kinds.lastIndexOf("park"), kinds.lastIndexOf("push"));
    trace.verdict = {
      cause: {en: WORDS.ui.lost_title.en, fr: WORDS.ui.lost_title.fr}, kind: "",
      link: {no_permit: "permit", unpark_first: "unpark", waker_late: "waker"}[program],
      step: step + 1, why: {en: WORDS.ui.lost_why.en, fr: WORDS.ui.lost_why.fr}};
  }
  return trace;
}
