import assert from "node:assert/strict";
import { temporaryDirectory } from "../../tests/temporary.ts";
import { until } from "../../tests/wait.ts";
import type { EngineAnswer } from "./answer.ts";
import { askCommand, type CommandEngine } from "./command.ts";
import { ConnectError } from "./connect.ts";

const MESSAGE = new TextEncoder().encode("Subject: x\r\n\r\nhello\r\n");

/** A shell script in a directory of its own, and how it is asked. */
async function script(text: string, settings: Partial<CommandEngine> = {}) {
  const temporary = await temporaryDirectory();
  const directory = `${temporary.path}/mail`;
  await Deno.mkdir(directory, { mode: 0o700 });
  const program = `${temporary.path}/scan.sh`;
  await Deno.writeTextFile(program, `#!/bin/sh\n${text}\n`, { mode: 0o700 });
  const engine: CommandEngine = {
    program,
    arguments: ["{file}"],
    directory,
    clean: [0],
    infected: [1],
    findingText: /^.*: (.+) FOUND$/u,
    ...settings,
  };
  return {
    path: temporary.path,
    ask: (signal = AbortSignal.timeout(60_000)) => askCommand(engine, MESSAGE, signal),
    left: async () => (await Array.fromAsync(Deno.readDir(directory))).length,
    [Symbol.asyncDispose]: () => temporary[Symbol.asyncDispose](),
  };
}

const short = (answer: EngineAnswer) =>
  answer.status === "found"
    ? answer.found.map(({ name }) => name).join(", ")
    : answer.status === "clean"
    ? "clean"
    : `${answer.reason}: ${answer.detail}`;

const ENDS: readonly [text: string, settings: Partial<CommandEngine>, want: string][] = [
  ["exit 0", {}, "clean"],
  ['echo "$1: Eicar FOUND"; exit 1', {}, "Eicar"],
  ['echo "a: One FOUND"; echo "b: Two FOUND" >&2; echo "c: One FOUND"; exit 1', {}, "One, Two"],
  ["exit 1", {}, "Unnamed"],
  ["echo 'cannot load: broken'; exit 2", {}, "error: exit status 2: cannot load: broken"],
  ["exit 3", { infected: [2, 3] }, "Unnamed"],
  ["kill -SEGV $$", {}, "error: signal SIGSEGV"],
  ["echo THREAT", { infectedText: /^THREAT/u }, "Unnamed"],
  ["exit 0", { infected: [0] }, "Unnamed"],
  ['cmp -s "$1" - < /dev/null; [ -s "$1" ] && grep -q hello "$1"', {}, "clean"],
  ['[ "$(stat -c %a "$1")" = 600 ]', {}, "clean"],
  ["grep -q hello", { arguments: [] }, "clean"],
  ["exit 0", { arguments: ["--stdin"] }, "clean"],
  ['[ "$2" = "x$1" ]', { arguments: ["{file}", "x{file}"] }, "clean"],
  ['[ -z "$HOME$USER" ]', {}, "clean"],
];

Deno.test("askCommand() reads how a program ends and what it says", async () => {
  for (const [text, settings, want] of ENDS) {
    await using at = await script(text, settings);
    assert.equal(short(await at.ask()), want, text);
    assert.equal(await at.left(), 0, text);
  }
});

Deno.test("askCommand() reads so much of what a program says and no more", async () => {
  await using at = await script(
    "head -c 5000000 /dev/zero | tr '\\0' x; echo; echo 'a: Late FOUND'; exit 1",
  );
  assert.equal(short(await at.ask()), "Unnamed");
});

Deno.test("askCommand() kills a program past its time, and all that it started", async () => {
  await using at = await script('sleep 1000 & echo $! > "$0.pid"; sleep 1000');
  const over = new AbortController();
  const asked = at.ask(over.signal);
  const pid = await until("the program", async () => {
    const text = await Deno.readTextFile(`${at.path}/scan.sh.pid`).catch(() => "");
    return text.endsWith("\n") ? Number(text) : undefined;
  });
  over.abort("time");
  await assert.rejects(asked, (reason) => reason === "time");
  await until("the end of its child", () => !isRunning(pid));
  assert.equal(await at.left(), 0);
});

Deno.test("askCommand() does not wait for what a program leaves behind", async () => {
  await using at = await script("sleep 1000 & exit 0");
  assert.equal(short(await at.ask()), "clean");
});

Deno.test("askCommand() says that a program is not there", async () => {
  await using at = await script("exit 0", { program: "/nonexistent/scanner" });
  await assert.rejects(at.ask(), ConnectError);
});

/** A zombie that nobody reaps is not running. */
function isRunning(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(Deno.readTextFileSync(`/proc/${pid}/stat`));
  } catch {
    return false;
  }
}
