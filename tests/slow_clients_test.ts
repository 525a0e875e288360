/** Clients that send an octet now and then, so that they are never silent and never done: of every agent, in every phase. */
import assert from "node:assert/strict";
import { RawClient, talk } from "../agents/testing/raw_client.ts";
import { frame } from "../agents/milter/testing/mta.ts";
import type { AgentInput } from "./gateway.ts";
import { Gateway } from "./gateway.ts";
import { mail } from "./mail.ts";
import { sendMail } from "./peers/smtp_client.ts";

/** Nothing listens there: what is tested comes before a server is asked. */
const NOWHERE = "127.0.0.1:9";
/** Between two octets, ms: often enough for anything that only waits for the next one. */
const DRIP_MS = 100;
/** Slow clients of each kind at once. */
const CLIENTS = 20;
const SHORT = { commandTime: "1s", dataTime: "1s" };

/** What a version 6 MTA offers: all actions, all steps. */
const NEGOTIATION = frame("O", "\0\0\0\x06\0\0\x01\xff\0\x1f\xff\xff");

/** One way to be slow. */
interface Slow {
  readonly what: string;
  /** What is said at once, each after the other's answer has begun. */
  readonly first: readonly (string | Uint8Array)[];
  /** What then comes octet by octet, again and again. */
  readonly drip: string;
}

/** An agent, its slow clients, and one that is served meanwhile. */
interface Row {
  readonly agent: AgentInput;
  /** It speaks first. */
  readonly greets: boolean;
  readonly slow: readonly Slow[];
  readonly served: (port: number) => Promise<void>;
}

/** Asks something whole, with the end of the stream behind it. */
const asks = (request: string | Uint8Array, answer: RegExp) => async (port: number) => {
  const octets = typeof request === "string" ? new TextEncoder().encode(request) : request;
  assert.match(await talk(`127.0.0.1:${port}`, octets), answer);
};

const ENVELOPE = ["EHLO c\r\n", "MAIL FROM:<a@example.test>\r\n", "RCPT TO:<b@example.test>\r\n"];

const ROWS: Readonly<Record<string, Row>> = {
  smtp: {
    agent: { nextHop: "maildir:./Maildir", limits: SHORT },
    greets: true,
    slow: [
      { what: "a command", first: [], drip: "N" },
      { what: "DATA", first: [...ENVELOPE, "DATA\r\n"], drip: "line\r\n" },
      { what: "BDAT", first: [...ENVELOPE, "BDAT 100000\r\n"], drip: "x" },
    ],
    served: async (port) => {
      const reply = await sendMail(port, {
        sender: "a@example.test",
        recipients: ["b@example.test"],
        message: mail("served@test"),
      });
      assert.equal(reply.code, 250, reply.text);
    },
  },
  pop3: {
    agent: { agent: "pop3", servers: [`pop3://${NOWHERE}`], limits: { loginTime: "1s" } },
    greets: true,
    slow: [
      { what: "a command", first: [], drip: "N" },
      { what: "commands without a login", first: [], drip: "CAPA\r\n" },
    ],
    served: asks("QUIT\r\n", /^\+OK[^]*\r\n\+OK/),
  },
  imap: {
    agent: { agent: "imap", servers: [`imap://${NOWHERE}`], limits: { loginTime: "1s" } },
    greets: true,
    slow: [
      { what: "a command", first: [], drip: "N" },
      { what: "a literal", first: ["a LOGIN {1000}\r\n"], drip: "x" },
      { what: "commands without a login", first: [], drip: "a NOOP\r\n" },
    ],
    served: asks("a LOGOUT\r\n", /^\* OK[^]*a OK/),
  },
  milter: {
    agent: { agent: "milter", limits: SHORT },
    greets: false,
    slow: [
      { what: "a packet", first: [NEGOTIATION, "\0\0\0\xffM"], drip: "x" },
      { what: "a packet of 60 kB", first: [NEGOTIATION, "\0\0\xea\x60B"], drip: "x" },
    ],
    served: async (port) => {
      using client = await RawClient.connect(`127.0.0.1:${port}`);
      await client.write(NEGOTIATION);
      await client.until("O");
    },
  },
  clamd: {
    agent: { agent: "clamd", limits: SHORT },
    greets: false,
    slow: [
      { what: "a command", first: [], drip: "z" },
      { what: "a stream", first: ["zINSTREAM\0\0\0\xff\xff"], drip: "x" },
    ],
    served: asks("zPING\0", /^PONG/),
  },
  spamd: {
    agent: { agent: "spamd", limits: SHORT },
    greets: false,
    slow: [
      { what: "a request line", first: [], drip: "C" },
      {
        what: "a message",
        first: ["CHECK SPAMC/1.5\r\nContent-length: 100000\r\n\r\n"],
        drip: "x",
      },
    ],
    served: asks("PING SPAMC/1.5\r\n\r\n", /PONG/),
  },
  rspamd: {
    agent: { agent: "rspamd", limits: SHORT },
    greets: false,
    slow: [
      { what: "a request", first: [], drip: "G" },
      { what: "a field", first: ["POST /checkv2 HTTP/1.1\r\nHost: x\r\nX: "], drip: "x" },
      {
        what: "a message",
        first: ["POST /checkv2 HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n"],
        drip: "x",
      },
    ],
    served: asks("GET /ping HTTP/1.0\r\n\r\n", /pong/),
  },
  delegation: {
    agent: { agent: "delegation", limits: { commandTime: "1s" } },
    greets: false,
    slow: [
      { what: "a request", first: ["request=smtpd_access_policy\n"], drip: "a=b\n" },
      { what: "empty lines", first: [], drip: "\n" },
    ],
    served: async (port) => {
      using client = await RawClient.connect(`127.0.0.1:${port}`);
      await client.write(
        "request=smtpd_access_policy\nprotocol_state=CONNECT\nclient_address=192.0.2.1\n\n",
      );
      assert.match(await client.until("\n\n"), /^action=/);
    },
  },
};

/** Resolves once the agent has closed the connection, however much comes. @returns octets that it let come. */
async function dripped(port: number, { first, drip }: Slow, greets: boolean): Promise<number> {
  using client = await RawClient.connect(`127.0.0.1:${port}`);
  if (greets) await client.until("\r\n");
  for (const each of first) {
    client.take();
    await client.write(each);
    if (greets && typeof each === "string" && !each.startsWith("BDAT")) await client.until("\r\n");
  }
  let sent = 0;
  const timer = setInterval(() => {
    client.write(drip[sent++ % drip.length] ?? "").catch(() => {});
  }, DRIP_MS);
  try {
    await client.all();
    return sent;
  } finally {
    clearInterval(timer);
  }
}

Deno.test("attack 12: clients that send an octet now and then are let go by every agent, and others are served", async (test) => {
  await using gateway = await Gateway.start({
    agents: Object.fromEntries(Object.entries(ROWS).map(([name, { agent }]) => [name, agent])),
  });
  for (const [name, { slow, served, greets }] of Object.entries(ROWS)) {
    const port = gateway.port(name);
    for (const each of slow) {
      await test.step(`${name}: ${each.what}`, async () => {
        let waiting = CLIENTS;
        const all = Array.from(
          { length: CLIENTS },
          () => dripped(port, each, greets).finally(() => waiting--),
        );
        await served(port);
        assert.ok(waiting > 0, "while the slow ones were there");
        for (const sent of await Promise.all(all)) assert.ok(sent < 1000, `${sent} octets`);
        await served(port);
      });
    }
  }
});
