/** An IMAP agent before a server of a test's own, both in this process. */
import assert from "node:assert/strict";
import { startImapAgent } from "../agents/imap/agent.ts";
import type { ImapAgentStart } from "../agents/imap/context.ts";
import { parseListen } from "../agents/listener.ts";
import type { RunningAgent } from "../agents/ports.ts";
import { FakePorts } from "../agents/smtp/testing/fake_ports.ts";
import { imapAgentSchema } from "../policy/imap_config.ts";
import { type FakeImapOptions, FakeImapServer } from "./peers/fake_imap_server.ts";

/** A message that nothing is wrong with. */
export const CLEAN = "From: a@b.test\r\nSubject: one\r\n\r\nhello\r\n";
/** One that {@link FakePorts} finds something in. */
export const BAD = "From: a@b.test\r\nSubject: two\r\n\r\nINFECTED\r\n";

/** Both, and what the agent tells its daemon. */
export interface ImapBench extends AsyncDisposable {
  readonly server: FakeImapServer;
  readonly ports: FakePorts;
  readonly agent: RunningAgent;
  readonly port: number;
}

/** Starts both. At its end nothing may be held. */
export async function bench(
  server: FakeImapOptions,
  options: {
    readonly config?: Record<string, unknown>;
    readonly policy?: unknown;
    readonly start?: Partial<ImapAgentStart>;
  } = {},
): Promise<ImapBench> {
  const fake = new FakeImapServer(server);
  const ports = new FakePorts(options.policy ?? {});
  const config = imapAgentSchema.parse({
    agent: "imap",
    listen: "127.0.0.1:0",
    server: `imap://127.0.0.1:${fake.port}`,
    ...options.config,
  });
  const agent = await startImapAgent({ ...config, hostname: "gate.test", ...options.start }, ports);
  return {
    server: fake,
    ports,
    agent,
    port: parseListen(agent.addresses[0]!).port,
    async [Symbol.asyncDispose]() {
      agent.close();
      await agent.drain();
      await fake[Symbol.asyncDispose]();
      const kept = agent.status()["cachedOctets"];
      assert.equal(
        ports.held,
        kept,
        "octets are held when all is over, besides those of the cache",
      );
    },
  };
}
