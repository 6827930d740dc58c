// --- match: two runs side by side, step to step by what they mean ---------
// The rows: [index in the left run or -1, index in the right run or -1].
function matchRuns(a, b) {
  const key = (run, e) =>
    [e.kind, (run.threads[e.thread] || {}).role, e.task, e.source].join(" ");
  const left = a.events.map(e => key(a, e)), right = b.events.map(e => key(b, e));
  const n = left.length, m = right.length, rows = [];
  const back = n * m <= 4e6 ? longest(left, right) : greedy(left, right);
  let i = 0, j = 0;
  for (const [x, y] of back) {
    while (i < x) rows.push([i++, -1]);
    while (j < y) rows.push([-1, j++]);
    rows.push([i++, j++]);
  }
  while (i < n) rows.push([i++, -1]);
  while (j < m) rows.push([-1, j++]);
  return rows;
}

// The longest common subsequence, as pairs of indices.
function longest(left, right) {
  const n = left.length, m = right.length, w = m + 1;
  const best = new Uint16Array((n + 1) * w);
  for (let i = n - 1; i >= 0; i--)
    for (let j = m - 1; j >= 0; j--)
      best[i * w + j] = left[i] === right[j] ? best[(i + 1) * w + j + 1] + 1
        : Math.max(best[(i + 1) * w + j], best[i * w + j + 1]);
  const pairs = [];
  for (let i = 0, j = 0; i < n && j < m;) {
    if (left[i] === right[j]) pairs.push([i++, j++]);
    else if (best[(i + 1) * w + j] >= best[i * w + j + 1]) i++;
    else j++;
  }
  return pairs;
}

// For long runs: the next equal step at the right, not too far ahead.
function greedy(left, right) {
  const pairs = [];
  let j = 0;
  left.forEach((key, i) => {
    const at = right.slice(j, j + 200).indexOf(key);
    if (at >= 0) { pairs.push([i, j + at]); j += at + 1; }
  });
  return pairs;
}
