/** What the sessions of sessions.ts are, by agent. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { frame, Mta } from "../agents/milter/testing/mta.ts";
import { RawClient, talk } from "../agents/testing/raw_client.ts";
import type { AgentInput } from "../tests/gateway.ts";
import { FakeImapServer } from "../tests/peers/fake_imap_server.ts";
import { ImapClient } from "../tests/peers/imap_client.ts";
import { Pop3Client } from "../tests/peers/pop3_client.ts";
import { SmtpClient } from "../tests/peers/smtp_client.ts";

/** An agent under load. */
export interface SessionGate {
  readonly agent: AgentInput;
  /** Port of the server behind it, where sessions can be had without the gateway, too. */
  readonly direct?: number;
  /** A session that has come as far as it can before it waits; the result ends it. */
  idle(port: number, number: number): Promise<() => void>;
  /** A whole session with one message, from its beginning to its end. @throws where it is not served. */
  whole(port: number, number: number): Promise<void>;
  /** Ends the server behind it. */
  close?(): void;
}

/** What the message is, and how many sessions there are. */
export interface Load {
  readonly octets: Buffer;
  /** Where 16 octets make each message differ. */
  readonly slot: number;
  readonly active: number;
  /** More than all sessions at once. */
  readonly limit: number;
}

/** Makes an agent's sessions, and the server behind it where it needs one. */
export const GATES: Readonly<Record<string, (load: Load) => Promise<SessionGate>>> = {
  smtp: ({ octets, slot, limit }) =>
    Promise.resolve({
      agent: {
        nextHop: "maildir:./Maildir",
        limits: { sessions: limit, sessionsPerClient: limit },
      },
      idle: async (port) => {
        const client = await SmtpClient.connect(port);
        await client.ehlo();
        return () => client[Symbol.dispose]();
      },
      whole: async (port, number) => {
        using client = await SmtpClient.connect(port);
        await client.ehlo();
        const reply = await client.send({
          sender: "load@sender.test",
          recipients: ["sink@recipient.test"],
          message: numbered(octets, slot, number),
        });
        assert.equal(reply.code, 250, reply.text);
        await client.quit();
      },
    }),
  pop3: async ({ octets, slot, active, limit }) => {
    const { port: direct, close } = await pop3Mailboxes(octets, slot, active);
    return {
      close,
      agent: {
        agent: "pop3",
        server: `pop3://127.0.0.1:${direct}`,
        limits: { sessions: limit, sessionsPerClient: limit },
      },
      direct,
      idle: async (port, number) => {
        const client = await Pop3Client.login(port, `idle${number}`, "secret");
        return () => client[Symbol.dispose]();
      },
      whole: async (port, number) => {
        using client = await Pop3Client.login(port, `active${number % active}`, "secret");
        await client.command("STAT");
        await client.list("LIST");
        const { wire } = await client.list("RETR 1");
        assert.equal(wire?.length, octets.length);
        await client.command("QUIT");
      },
    };
  },
  imap: ({ octets, limit }) => {
    const server = new FakeImapServer({ messages: [octets.toString("latin1")] });
    return Promise.resolve({
      agent: {
        agent: "imap",
        server: `imap://127.0.0.1:${server.port}`,
        limits: { sessions: limit, sessionsPerClient: limit },
      },
      direct: server.port,
      close: () => void server[Symbol.asyncDispose](),
      idle: async (port) => {
        const client = await ImapClient.login(port, "bob", "INBOX");
        return () => client.close();
      },
      whole: async (port) => {
        const client = await ImapClient.login(port, "bob", "INBOX");
        try {
          const { untagged } = await client.ok("FETCH 1 BODY.PEEK[]");
          assert.ok(untagged.some((response) => response.length > octets.length));
        } finally {
          client.close();
        }
      },
    });
  },
  milter: ({ octets, slot, limit }) =>
    Promise.resolve({
      agent: { agent: "milter", limits: { sessions: limit } },
      idle: async (port) => {
        const mta = await Mta.connect(`127.0.0.1:${port}`);
        await mta.negotiate();
        await mta.greet();
        return () => mta.conn.close();
      },
      whole: async (port, number) => {
        const mta = await Mta.connect(`127.0.0.1:${port}`);
        await mta.negotiate();
        await mta.greet();
        const body = numbered(octets, slot, number);
        const end = await mta.message({ fields: [["Subject", `${number}`]], body });
        assert.equal(end.final.command, "a");
        await mta.write(frame("Q", ""));
        mta.conn.close();
      },
    }),
  clamd: ({ octets, slot, limit }) =>
    Promise.resolve({
      agent: { agent: "clamd", limits: { sessions: limit, commandTime: "5m" } },
      idle: async (port) => {
        const client = await RawClient.connect(`127.0.0.1:${port}`);
        await client.write("zIDSESSION\0");
        return () => client[Symbol.dispose]();
      },
      whole: async (port, number) => {
        const message = numbered(octets, slot, number);
        const head = Buffer.alloc(4);
        head.writeUInt32BE(message.length);
        const request = [Buffer.from("zINSTREAM\0"), head, message, Buffer.alloc(4)];
        assert.match(await talk(`127.0.0.1:${port}`, Buffer.concat(request)), /^stream: OK/);
      },
    }),
};

/** The message with its number in it: no two are the same, so that each is scanned. */
function numbered(octets: Buffer, slot: number, number: number): Buffer {
  const own = Buffer.from(octets);
  own.write(String(number).padStart(16, "0"), slot, "latin1");
  return own;
}

/** Mailboxes with a message each, in a worker of their own. */
async function pop3Mailboxes(
  octets: Buffer,
  slot: number,
  active: number,
): Promise<{ port: number; close(): void }> {
  const url = new URL("./session_mailboxes.ts", import.meta.url);
  const worker = new Worker(url, { type: "module" });
  const users = Array.from({ length: active }, (_, i) => `active${i}`);
  worker.postMessage({ octets, slot, users });
  const port = await new Promise<number>((resolve) => {
    worker.onmessage = ({ data }) => resolve(data as number);
  });
  return { port, close: () => worker.terminate() };
}
