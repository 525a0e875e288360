/**
 * Runs the scripted tests of Dovecot's imaptest as far as they say what to send: commands with their literals and variables, on
 * one connection or several. What a script expects is looked through for the values of variables; what came is given back, for
 * one server's answers to be held against another's.
 */
import { ImapClient } from "./imap_client.ts";

/** A script: https://imapwiki.org/ImapTest/ScriptedTest. */
export interface ImaptestScript {
  readonly name: string;
  readonly capabilities: readonly string[];
  readonly connections: number;
  /** How far each connection is before the first command. */
  readonly state: string;
  /** Messages that the mailbox begins with. */
  readonly messages: number;
  readonly mbox: readonly string[];
  readonly steps: readonly Step[];
}

interface Step {
  readonly connection: number;
  /** `ok`, `no`, `bad`; `""` where either will do. */
  readonly status: string;
  /** With literals in `{{{` and `}}}` lines taken out. */
  readonly command: readonly (string | { readonly literal: string })[];
  readonly expected: readonly string[];
}

/** What one command came to. */
export interface StepResult {
  readonly command: string;
  readonly wanted: string;
  readonly status: string;
  /** Without what differs from run to run: times and numbers of validity. */
  readonly untagged: readonly string[];
}

/** Reads a script and its messages. */
export async function readScript(folder: string, name: string): Promise<ImaptestScript> {
  const text = await Deno.readTextFile(`${folder}/${name}`);
  const own = await Deno.readTextFile(`${folder}/${name}.mbox`).catch(() => undefined);
  const mbox = splitMbox(own ?? await Deno.readTextFile(`${folder}/default.mbox`));
  const lines = text.split("\n");
  const headers = new Map<string, string>();
  let at = 0;
  for (; at < lines.length && /^[a-z_]+:/.test(lines[at]!); at++) {
    const [key, value] = lines[at]!.split(/:\s*/, 2) as [string, string];
    headers.set(key, value);
  }
  const connections = Number(headers.get("connections") ?? 1);
  const messages = headers.get("messages") ?? "all";
  return {
    name,
    capabilities: (headers.get("capabilities") ?? "").toUpperCase().split(" ").filter(Boolean),
    connections,
    state: headers.get("state") ?? "selected",
    messages: messages === "all" ? mbox.length : Number(messages),
    mbox,
    steps: readSteps(lines.slice(at), connections),
  };
}

function splitMbox(text: string): string[] {
  return text.split(/^From .*\n/m).slice(1)
    .map((message) => message.replace(/\n$/, "").replace(/\r?\n/g, "\r\n"));
}

function readSteps(lines: readonly string[], connections: number): Step[] {
  const steps: Step[] = [];
  let current: { expected: string[] } | undefined;
  for (let at = 0; at < lines.length; at++) {
    let line = lines[at]!;
    if (line.trim() === "" || line.startsWith("#")) continue;
    const pieces: (string | { literal: string })[] = [];
    for (let open = line.indexOf("{{{"); open !== -1; open = line.indexOf("{{{")) {
      const literal: string[] = [];
      for (at++; !lines[at]!.startsWith("}}}"); at++) literal.push(lines[at]!);
      pieces.push(line.slice(0, open), { literal: literal.map((each) => `${each}\r\n`).join("") });
      line = lines[at]!.slice(3);
    }
    pieces.push(line);
    if (/^[*!+]/.test(typeof pieces[0] === "string" ? pieces[0] : "")) {
      current?.expected.push(
        pieces.map((each) => typeof each === "string" ? each : JSON.stringify(each.literal)).join(
          "",
        ),
      );
      continue;
    }
    const [first, ...rest] = pieces;
    const text = first as string;
    if (/^(?:ok|no|bad) \[/i.test(text)) continue; // how the one before is to end
    const match = /^(?:(\d) )?(ok|no|bad|"")\s+(.*)$/is.exec(text) ?? ["", "1", '""', text];
    const step = {
      connection: connections > 1 ? Number(match[1] ?? 1) : 1,
      status: match[2]!.toLowerCase().replace('""', ""),
      command: [match[3]!, ...rest],
      expected: [],
    };
    steps.push(step);
    current = step;
  }
  return steps;
}

/**
 * Runs a script with a user of its own.
 *
 * @returns what came of each command; `undefined` where the server lacks a capability that the script asks for.
 */
export async function runScript(
  script: ImaptestScript,
  port: number,
  user: string,
): Promise<StepResult[] | undefined> {
  const variables = new Map([
    ["mailbox", "imaptest"],
    ["mailbox_url", "imaptest"],
    ["user", user],
    ["username", user],
    ["password", "secret"],
    ["domain", ""],
  ]);
  let appended = 0;
  const setUp = await ImapClient.login(port, user);
  const [offered] = (await setUp.ok("CAPABILITY")).untagged;
  const words = new Set(offered!.toUpperCase().split(" "));
  if (!script.capabilities.every((each) => words.has(each))) {
    setUp.close();
    return undefined;
  }
  await setUp.command("DELETE imaptest2");
  await setUp.command("DELETE imaptest");
  await setUp.ok("CREATE imaptest");
  const next = async (client: ImapClient, mailbox: string, flags = "") => {
    const message = script.mbox[appended++ % script.mbox.length]!;
    const arguments_ = `${mailbox}${flags} "0${1 + appended % 9}-Jan-2020 10:00:00 +0000"`;
    return await client.command(`APPEND ${arguments_} {${message.length}+}\r\n${message}`);
  };
  if (script.state === "selected") {
    for (let i = 0; i < script.messages; i++) await next(setUp, "imaptest");
  }
  setUp.close();
  const clients: ImapClient[] = [];
  for (let i = 0; i < script.connections; i++) {
    const client = script.state === "nonauth"
      ? await ImapClient.connect(port)
      : await ImapClient.login(port, user);
    if (script.state === "selected") await client.ok("SELECT imaptest");
    clients.push(client);
  }
  try {
    const results: StepResult[] = [];
    for (const step of script.steps) {
      const client = clients[step.connection - 1]!;
      const command = step.command.map((each) => substitute(each, variables)).join("");
      const append = /^append(?: (\S+)(.*))?$/is.exec(command);
      const answer = append && !command.includes("{")
        ? await next(client, append[1] ?? "imaptest", append[2])
        : await client.command(command);
      for (const expected of step.expected) {
        if (expected.startsWith("*")) capture(expected, answer.untagged, variables);
      }
      results.push({
        command,
        wanted: step.status,
        status: answer.status.toLowerCase(),
        untagged: [...answer.untagged, `${answer.status} ${answer.text}`].map(steady),
      });
    }
    return results;
  } finally {
    for (const client of clients) client.close();
  }
}

function substitute(
  piece: string | { readonly literal: string },
  variables: ReadonlyMap<string, string>,
): string {
  const put = (text: string) =>
    text.replace(/\$(?:\$|\{(\w+)\}|(\w+))/g, (whole, braced, plain) => {
      const name = braced ?? plain;
      return name === undefined ? "$" : variables.get(name) ?? whole;
    });
  if (typeof piece === "string") return put(piece);
  const literal = put(piece.literal);
  return `{${literal.length}+}\r\n${literal}`;
}

/** Words, quoted strings, literals, and lists, which are matched word by word. */
function words(text: string): string[] {
  const plain = text.replace(/\{(\d+)\}\r\n/g, "");
  return plain.match(/"(?:[^"\\]|\\.)*"|[()[\]]|[^\s()[\]"]+/gs) ?? [];
}

/** Takes variables that are not known yet from the first response that has the words around them. */
function capture(
  expected: string,
  untagged: readonly string[],
  variables: Map<string, string>,
): void {
  const wanted = words(expected.replace(/"(?:[^"\\]|\\.)*\\r\\n.*$/s, ""));
  if (!wanted.some((word) => /^\$[a-z]/i.test(word))) return;
  for (const response of untagged) {
    const found = new Map<string, string>();
    const there = words(response);
    // Items of a list may come in another order: each word must follow the one that it follows in the script.
    const fits = wanted.every((word, i) => {
      const name = /^\$\{?([a-z]\w*)\}?$/i.exec(word)?.[1];
      if (name === undefined) {
        return /^\$/.test(word) || there.some((each) => each.toLowerCase() === word.toLowerCase());
      }
      const before = wanted[i - 1]?.toLowerCase();
      const at = there.findIndex((each, j) =>
        j > 0 && there[j - 1]!.toLowerCase() === before && each
      );
      if (at === -1) return false;
      const known = variables.get(name);
      if (known !== undefined && known !== there[at]) return false;
      found.set(name, there[at]!);
      return true;
    });
    if (!fits) continue;
    for (const [name, value] of found) variables.set(name, value);
    return;
  }
}

/** Without what differs from run to run. */
function steady(response: string): string {
  return response.replace(/ ?\(\d+\.\d+ \+ .*? secs\)/, "")
    .replace(/\b((?:UIDVALIDITY|HIGHESTMODSEQ|APPENDUID|COPYUID)) \d+/gi, "$1 N")
    .replace(/in \d+\.\d+ (?:secs|msecs)/g, "")
    .replace(/SAVEDATE "[^"]*"/g, "SAVEDATE")
    .replace(/\bt\d+\b/g, "tN");
}
