/** `postern selftest`: test mail through every agent, and whether what came out is right. */
import { join } from "node:path";
import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { withDefault } from "@optique/core/modifiers";
import type { InferValue } from "@optique/core/parser";
import { option } from "@optique/core/primitives";
import { string } from "@optique/core/valueparser";
import type { MessageRecord } from "../agents/ports.ts";
import type { ControlClient } from "../daemon/control/client.ts";
import type { MessageLogEntry } from "../store/types.ts";
import { type Command, configOption, defineCommand, jsonOption, socketOption } from "./command.ts";
import { findConfig } from "./find_config.ts";
import { print, printJson, printLine, table } from "./output.ts";
import { fetchImap } from "./selftest/fetch_imap.ts";
import { fetchPop3 } from "./selftest/fetch_pop3.ts";
import { judge, type Judgement } from "./selftest/judge.ts";
import { eicar, makeSample, SAMPLE_NAMES, type SampleName, SAMPLES } from "./selftest/samples.ts";
import { type Reply, submit } from "./selftest/submit.ts";
import { askDelegation } from "./selftest/ask_delegation.ts";
import { isAdvice, submitAdvice } from "./selftest/submit_advice.ts";
import { submitMilter } from "./selftest/submit_milter.ts";
import { makeZip } from "./selftest/zip.ts";
import type { TestImapMailboxes } from "./selftest/imap_mailboxes.ts";
import type { TestMailboxes } from "./selftest/mailboxes.ts";
import { hostAndPort } from "./send.ts";
import { agentAddresses } from "./status_text.ts";
import { timeValue } from "./values.ts";

const grammar = object({
  config: configOption(),
  socket: socketOption(),
  live: option("--live", {
    description:
      message`Through the running daemon, to --to; the test mail then goes where all mail goes`,
  }),
  from: withDefault(
    option("-f", "--from", string({ metavar: "ADDRESS" }), { description: message`Sender` }),
    "selftest@postern.invalid",
  ),
  to: withDefault(
    option("-t", "--to", string({ metavar: "ADDRESS" }), { description: message`Recipient` }),
    "postmaster@postern.invalid",
  ),
  timeout: withDefault(
    option("--timeout", timeValue(), { description: message`Longest wait for a reply` }),
    60_000,
  ),
  json: jsonOption(),
});
type Options = InferValue<typeof grammar>;

/** `postern selftest`. */
export const selftest: Command = defineCommand(
  "selftest",
  {
    brief: message`Send test mail through every agent and check what came out`,
    description:
      message`Sends a clean mail, EICAR, EICAR in zip in zip, GTUBE and an archive with a password. Without --live it starts a
gateway of its own, with this node's agents and policy on free ports and a Maildir of its own behind them; nothing leaves the machine.
Exit status: 0 when all is right, 1 when something is not.`,
  },
  grammar,
  runSelftest,
);

/** One line of the table. */
interface Row extends Judgement {
  readonly agent: string;
  readonly mail: SampleName;
  readonly reply: string;
  readonly status: string;
  readonly by: string;
  readonly ms: number;
}

interface Target {
  readonly control: ControlClient;
  /** Where an agent's mail can be looked at; absent with --live. */
  readonly maildir?: (agent: string) => string;
  /** Where mail lies that an agent hands out; absent with --live. */
  readonly mailboxes?: TestMailboxes;
  readonly imapMailboxes?: TestImapMailboxes;
}

async function runSelftest(options: Options): Promise<number> {
  if (options.live) {
    const { connectDaemon } = await import("./connect.ts");
    const control = await connectDaemon(options);
    try {
      return await testAll({ control }, options);
    } finally {
      control.close();
    }
  }
  const { startGateway } = await import("./selftest/gateway.ts");
  const gateway = await startGateway(findConfig(options.config));
  for (const [signal, status] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
    Deno.addSignalListener(signal, () => void gateway.close().finally(() => Deno.exit(status)));
  }
  try {
    return await testAll(gateway, options);
  } finally {
    await gateway.close();
  }
}

async function testAll(target: Target, options: Options): Promise<number> {
  const agents = agentAddresses((await target.control.call("status")).result);
  if (agents.length === 0) {
    printLine("No agent is enabled, so there is nothing to test.");
    return 1;
  }
  const rows: Row[] = [];
  for (const agent of agents) {
    if ((agent.agent === "pop3" || agent.agent === "imap") && target.mailboxes === undefined) {
      printLine(`${agent.name} is left out: there is no test mail in the mailboxes behind it.`);
      continue;
    }
    if (agent.agent === "delegation") {
      rows.push(await testDelegation(agent, options));
      continue;
    }
    for (const sample of SAMPLE_NAMES) rows.push(await testOne(target, agent, sample, options));
  }
  const wrong = rows.filter((row) => row.wrong !== undefined).length;
  if (options.json) printJson({ ok: wrong === 0, rows });
  else show(rows, wrong);
  return wrong === 0 ? 0 : 1;
}

function show(rows: readonly Row[], wrong: number): void {
  print(table(
    ["AGENT", "MAIL", "SCAN", "CAME OUT", "REPLY", ">MS", "RESULT"],
    rows.map((row) => [
      row.agent,
      SAMPLES[row.mail].title,
      row.status,
      row.cameOut,
      row.reply.length > 36 ? `${row.reply.slice(0, 35)}…` : row.reply,
      Math.round(row.ms),
      row.wrong !== undefined
        ? `WRONG: ${row.wrong}`
        : row.note === undefined
        ? "ok"
        : `ok: ${row.note}`,
    ]),
  ));
  const count = rows.length;
  printLine(wrong === 0 ? `\nAll ${count} are right.` : `\n${wrong} of ${count} are wrong.`);
}

/** What stands in a message for as long as its harmful part is there. */
function harmfulTexts(): string[] {
  const inner = makeZip([{ name: "eicar.com", content: eicar() }]);
  const outer = makeZip([{ name: "inner.zip", content: inner }]);
  const base64 = (octets: Uint8Array) => btoa(String.fromCharCode(...octets)).slice(0, 70);
  return [new TextDecoder().decode(eicar()), base64(eicar()), base64(outer)];
}

async function testDelegation(
  agent: { readonly name: string; readonly address: string },
  { from, to, timeout }: Options,
): Promise<Row> {
  const started = performance.now();
  const question = { sender: from, recipient: to, timeoutMs: timeout };
  const { reply, judgement } = await askDelegation(agent.address, question).catch((error) => {
    const wrong = error instanceof Error ? error.message : String(error);
    return { reply: { code: 0, text: "-" }, judgement: { cameOut: "nothing", wrong } };
  });
  return {
    agent: agent.name,
    mail: "clean",
    reply: reply.text,
    status: "-",
    by: "-",
    ms: performance.now() - started,
    ...judgement,
  };
}

async function testOne(
  target: Target,
  agent: { agent: string; name: string; address: string },
  sample: SampleName,
  options: Options,
): Promise<Row> {
  const token = crypto.randomUUID().slice(0, 13);
  const since = Date.now() - 1000;
  const started = performance.now();
  let reply: Reply;
  let handedOut: { message: string | undefined; unchanged: boolean } | undefined;
  try {
    const message = makeSample(sample, { from: options.from, to: [options.to], token });
    const submission = {
      helo: "selftest.postern.invalid",
      sender: options.from,
      recipients: [options.to],
      message,
      timeoutMs: options.timeout,
    };
    const isImap = agent.agent === "imap";
    const mailboxes = isImap
      ? target.imapMailboxes
      : agent.agent === "pop3"
      ? target.mailboxes
      : undefined;
    if (mailboxes) {
      mailboxes.put(options.to, message);
      const fetch = isImap ? fetchImap : fetchPop3;
      const fetched = await fetch(agent.address, options.to, options.timeout);
      reply = fetched.reply;
      handedOut = {
        message: fetched.message,
        unchanged: bodyOf(fetched.message) === bodyOf(message),
      };
    } else if (agent.agent === "milter") {
      reply = await submitMilter({ ...submission, address: agent.address });
    } else if (isAdvice(agent.agent)) {
      reply = await submitAdvice(agent.agent, { ...submission, address: agent.address });
    } else reply = await submit({ ...submission, ...hostAndPort(agent.address) });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const ms = performance.now() - started;
    return {
      agent: agent.name,
      mail: sample,
      reply: "-",
      status: "-",
      by: "-",
      ms,
      cameOut: "nothing",
      wrong: why,
    };
  }
  const ms = performance.now() - started;
  const record = await findRecord(target.control, since, token);
  const kept = record?.outcomes.some((outcome) => outcome.quarantineId !== undefined) ?? false;
  const advice = isAdvice(agent.agent);
  // What a mail server does with a milter's answer, or with advice, cannot be seen here.
  const delivered = handedOut
    ? handedOut.message
    : target.maildir === undefined || agent.agent === "milter" || advice
    ? null
    : await findDelivered(target.maildir(agent.name), token);
  const seen = handedOut ? { unchanged: handedOut.unchanged } : {};
  const judgement = judge(
    { sample, reply, record, delivered, kept, advice, ...seen },
    harmfulTexts(),
  );
  return {
    agent: agent.name,
    mail: sample,
    reply: `${reply.code} ${reply.text}`,
    status: record?.status ?? "-",
    by: record?.outcomes[0]?.by ?? "-",
    ms,
    ...judgement,
  };
}

/** What stands behind the header, octets as Latin-1; `undefined` where there is no message. */
function bodyOf(message: Uint8Array | string | undefined): string | undefined {
  if (message === undefined) return undefined;
  const text = typeof message === "string" ? message : new TextDecoder("latin1").decode(message);
  return text.slice(text.indexOf("\r\n\r\n"));
}

/** The daemon's record of the message with this token in its Message-ID; the log is written a moment after the reply. */
async function findRecord(
  control: ControlClient,
  since: number,
  token: string,
): Promise<MessageRecord | undefined> {
  for (let tries = 0; tries < 40; tries++) {
    const { result } = await control.call("messages", { since, limit: 1000 });
    for (const { record } of result as readonly MessageLogEntry[]) {
      const one = record as unknown as MessageRecord;
      if (one.messageId?.includes(token) || one.subject?.includes(token)) return one;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return undefined;
}

/** The message with this token in a Maildir, its octets as Latin-1. */
async function findDelivered(path: string, token: string): Promise<string | undefined> {
  try {
    for await (const { name } of Deno.readDir(join(path, "new"))) {
      const octets = await Deno.readFile(join(path, "new", name));
      const text = new TextDecoder("latin1").decode(octets);
      if (text.includes(token)) return text;
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return undefined;
}
