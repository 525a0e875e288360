/** What the tests of agents share that answer with a score. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { RunningAgent } from "../ports.ts";
import { FakePorts } from "../smtp/testing/fake_ports.ts";

const saying = (text: string) => `From: a@b.test\r\nSubject: hello\r\n\r\n${text}\r\n`;

export const CLEAN = saying("just text");
export const INFECTED = saying("INFECTED");
export const UNREADABLE = saying("ENCRYPTED");
export const SPAM = saying("SPAM");

/** Ports behind which what holds `SPAM` has a symptom of ten points. */
export function scorePorts(policy: unknown): FakePorts {
  const ports = new FakePorts(policy);
  const scan = ports.scan.bind(ports);
  ports.scan = async (message, settings, signal) => {
    const verdict = await scan(message, settings, signal);
    const points = Buffer.from(message).includes("SPAM") ? 10 : 0;
    const symptoms = points > 0 ? [{ name: "TEST_SPAM", points }] : [];
    return { ...verdict, subject: "hello", spam: { score: points, symptoms } };
  };
  return ports;
}

/** An agent on a free port, with such ports. */
export class ScoreHarness implements AsyncDisposable {
  readonly ports: FakePorts;
  readonly agent: RunningAgent;

  constructor(ports: FakePorts, agent: RunningAgent) {
    this.ports = ports;
    this.agent = agent;
  }

  get address(): string {
    return this.agent.addresses[0]!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.agent.close();
    await this.agent.drain();
    assert.equal(this.ports.held, 0, "octets are still accounted for");
  }
}
