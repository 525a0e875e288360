/** Recorded sessions of real mail programs with a real server, played again through the agent: each hears what it heard then. */
import assert from "node:assert/strict";
import { Pop3Harness } from "./testing/harness.ts";

const FOLDER = new URL("../../../shared/corpus/proto/capture/pop3/", import.meta.url);

/** A recorded session: what the client said, line by line, and what the server answered to each. */
interface Capture {
  readonly greeting: string;
  readonly commands: readonly string[];
  /** By command; what TOP shows is had by RETR here. */
  readonly answers: ReadonlyMap<string, string>;
}

/** How many lines of the server's belong to an answer: up to the dot, or one. */
function takeAnswer(command: string, text: string): string {
  const status = text.slice(0, text.indexOf("\r\n") + 2);
  const several = /^(?:CAPA|RETR \d+|TOP \d+ \d+|LIST|UIDL|LANG)$/i.test(command);
  if (!several || !status.startsWith("+OK")) return status;
  const end = text.startsWith(".\r\n", status.length)
    ? status.length + 3
    : text.indexOf("\r\n.\r\n", status.length - 2) + 5;
  return text.slice(0, end);
}

async function readCapture(name: string): Promise<Capture> {
  let client = "";
  let server = "";
  for (const line of (await Deno.readTextFile(new URL(name, FOLDER))).trim().split("\n")) {
    const { dir, data } = JSON.parse(line) as { dir: string; data?: string };
    if (dir === "c") client += atob(data ?? "");
    else if (dir === "s") server += atob(data ?? "");
  }
  const greeting = takeAnswer("", server);
  server = server.slice(greeting.length);
  const commands = client.split("\r\n").slice(0, -1);
  const answers = new Map<string, string>();
  for (const command of commands) {
    const answer = takeAnswer(command, server);
    server = server.slice(answer.length);
    answers.set(command, answer);
  }
  // What TOP showed is a message of which TOP shows just that, where the whole was not recorded.
  for (const [command, answer] of [...answers]) {
    const number = /^TOP (\d+) /.exec(command)?.[1];
    if (number !== undefined && !answers.has(`RETR ${number}`)) {
      answers.set(`RETR ${number}`, answer);
    }
  }
  return { greeting: greeting.slice("+OK ".length, -2), commands, answers };
}

const names: string[] = [];
try {
  for await (const { name } of Deno.readDir(FOLDER)) names.push(name);
} catch (error) {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
Deno.test({ name: "POP3 captures are there", ignore: names.length === 0, fn: () => {} });

for (const name of names.sort()) {
  Deno.test(`POP3 capture ${name}`, async () => {
    const { greeting, commands, answers } = await readCapture(name);
    await using h = await Pop3Harness.start({
      policy: { settings: { antivirus: { action: "accept" } } }, // the programs are what is tested
      config: { serverTls: "none" },
      server: { greeting, answer: (line) => line === "QUIT" ? undefined : answers.get(line) },
    });
    const client = await h.connect();
    assert.equal(client.greeting, `+OK ${greeting}`);
    for (const command of commands) {
      const expected = answers.get(command)!;
      const lines = expected.split("\r\n").slice(0, -1);
      const status = await client.ask(command);
      assert.equal(status.split(" ")[0], lines[0]!.split(" ")[0], command);
      if (lines.length === 1) {
        if (!/^QUIT/.test(command)) assert.equal(status, lines[0]);
        continue;
      }
      const shown = await client.rest();
      const recorded = lines.slice(1, -1).map((line) =>
        line.startsWith(".") ? line.slice(1) : line
      );
      if (command === "CAPA") {
        for (const line of recorded.filter((each) => each !== "CAPA")) {
          assert.ok(shown.includes(line), line);
        }
      } else assert.deepEqual(shown, recorded, command);
    }
    assert.ok(await client.closed());
  });
}
