import { milterAgentSchema } from "../../../policy/config.ts";
import type { RunningAgent } from "../../ports.ts";
import { FakePorts } from "../../smtp/testing/fake_ports.ts";
import { startMilterAgent } from "../agent.ts";
import type { MilterAgentStart } from "../context.ts";
import { Mta } from "./mta.ts";

/** A milter agent over loopback, and mail servers that talk to it. */
export class MilterHarness implements AsyncDisposable {
  readonly ports: FakePorts;
  agent!: RunningAgent;
  readonly #mtas: Mta[] = [];

  private constructor(policy: unknown) {
    this.ports = new FakePorts(policy);
  }

  /** @param config Laid over the configuration; it listens on a free port. */
  static async start(
    policy: unknown = {},
    config: Record<string, unknown> = {},
    start: Pick<MilterAgentStart, "progressMs"> = {},
  ): Promise<MilterHarness> {
    const harness = new MilterHarness(policy);
    const parsed = milterAgentSchema.parse({ agent: "milter", listen: "127.0.0.1:0", ...config });
    harness.agent = await startMilterAgent({ ...parsed, ...start }, harness.ports);
    return harness;
  }

  /** A connection without a word said. */
  async open(): Promise<Mta> {
    const mta = await Mta.connect(this.agent.addresses[0]!);
    this.#mtas.push(mta);
    return mta;
  }

  /** A connection that has negotiated and greeted. */
  async mta(version = 6, actions = 0x1ff, protocol = 0x1fffff): Promise<Mta> {
    const mta = await this.open();
    await mta.negotiate(version, actions, protocol);
    await mta.greet();
    return mta;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const mta of this.#mtas) mta.close();
    this.agent.close();
    await this.agent.drain();
  }
}
