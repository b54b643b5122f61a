// Draws three threads that take turns on one processor: the first that is ready runs until it has to wait.
"use strict";

const canvas = document.getElementById("turns");
const pen = canvas.getContext("2d");
const style = getComputedStyle(document.documentElement);
const colours = [style.getPropertyValue("--accent"), "#2f6f73", "#e8b04a"];
const STEP = 6;        // pixels a unit of time
const ROW = 60;
const LEFT = 20;

// A thread runs for `run` units and then waits for `wait` units; the times differ, so that the picture does not repeat soon.
const threads = [{run: 5, wait: 11}, {run: 8, wait: 9}, {run: 4, wait: 13}].map((times, row) =>
  ({...times, row, left: times.run, wakes: 0, turn: 0}));
const ready = [...threads];
let now = 0;

function box(thread, runs) {
  const x = LEFT + (now * STEP) % (canvas.width - 2 * LEFT);
  const y = thread.row * ROW + 18;
  pen.clearRect(x, y - 2, STEP * 4, 30);
  pen.fillStyle = pen.strokeStyle = colours[thread.row];
  if (runs) {
    pen.fillRect(x, y, STEP, 26);
  } else {
    pen.fillRect(x, y + 12, STEP, 2);
  }
}

function tick() {
  for (const thread of threads) {
    if (thread.wakes > 0 && thread.wakes <= now) {
      thread.wakes = 0;
      ready.push(thread);
    }
  }
  const running = ready[0];
  for (const thread of threads) {
    box(thread, thread === running);
  }
  if (running && --running.left === 0) {
    ready.shift();
    running.left = running.run;
    running.wakes = now + running.wait;
  }
  now += 1;
}

setInterval(tick, 60);

// The server's own word for who answered.
fetch("index.html", {method: "HEAD"}).then((answer) => {
  const server = answer.headers.get("server");
  if (server) {
    document.querySelector("#served em").textContent = server;
  }
});
