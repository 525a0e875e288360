/** All agents of the configuration: started together, changed together, drained together. */
import { PosternError } from "../errors.ts";
import type { DecisionTree } from "../policy/tree.ts";
import { AgentKeeper, type AgentStatus, isTaken } from "./agent_keeper.ts";
import type { AgentSettings } from "./agent_settings.ts";
import { type Backstage, hostPorts } from "./host_ports.ts";
import { PassedSockets } from "./passed_sockets.ts";
import { SharedAddresses } from "./shared_address.ts";
import type { Report } from "./status.ts";

/** What keepers are made with. */
export interface AgentsOptions {
  readonly worker: URL;
  readonly backstage: () => Backstage;
  readonly policy: () => DecisionTree;
  readonly report: Report;
  /** Sockets that were passed to the daemon; default: what was. */
  readonly passed?: PassedSockets;
  /** How often workers are asked how they are, ms. */
  readonly heartbeatMs?: number;
}

/** What becomes of each agent in a change. */
interface Plan {
  /** Goes on as it is or with settings that it can take up while it runs. */
  readonly kept: AgentKeeper[];
  /** New, on an address that nobody has. */
  readonly fresh: AgentKeeper[];
  /** Takes over the address of one that cannot take up its new settings. */
  readonly heirs: { readonly old: AgentKeeper; readonly heir: AgentKeeper }[];
  readonly gone: AgentKeeper[];
}

/** The agents. */
export class Agents {
  readonly #options: AgentsOptions;
  #keepers: AgentKeeper[] = [];
  readonly #draining = new Set<AgentKeeper>();
  readonly #addresses = new SharedAddresses();
  readonly #passed: PassedSockets;

  constructor(options: AgentsOptions) {
    this.#options = options;
    this.#passed = options.passed ?? PassedSockets.take();
  }

  /** In the order of the configuration. */
  get keepers(): readonly AgentKeeper[] {
    return this.#keepers;
  }

  /** @throws {PosternError} where one cannot be started; none runs then. */
  async start(settings: readonly AgentSettings[]): Promise<void> {
    this.#passed.check(settings);
    const keepers = settings.map((each) => this.#keeper(each));
    const results = await Promise.allSettled(keepers.map((keeper) => keeper.start()));
    const failed = results.findIndex(({ status }) => status === "rejected");
    const failure = results[failed];
    if (failure?.status === "rejected") {
      for (const keeper of keepers) keeper.close();
      throw named(failure.reason, settings[failed]);
    }
    this.#keepers = keepers;
  }

  /**
   * Changes to other settings and to the policy now in force. What is new listens before anything else is touched, beside what it
   * replaces where it replaces something, so that a failure changes nothing and there is no moment without a listener; what does
   * not change keeps its sessions; what goes finishes them.
   *
   * @param commit Puts the policy in force; called when nothing can fail any more.
   * @param drainMs How long sessions of what goes may still take.
   * @throws {PosternError} where a new listener cannot be started.
   */
  async change(
    settings: readonly AgentSettings[],
    commit: () => void,
    drainMs: number,
  ): Promise<void> {
    this.#passed.check(settings);
    const plan = await this.#plan(settings);
    const heirs = plan.heirs.map(({ heir }) => heir);
    const begun = [...plan.fresh, ...heirs];
    const results = await Promise.allSettled([
      ...plan.fresh.map((keeper) => keeper.start()),
      ...heirs.map((heir) => startBeside(heir)),
    ]);
    const failed = results.findIndex(({ status }) => status === "rejected");
    const failure = results[failed];
    if (failure?.status === "rejected") {
      for (const keeper of plan.fresh) keeper.close();
      for (const { old, heir } of plan.heirs) {
        await old.takeBack();
        this.#letGo(heir, heir.handOver(drainMs)); // somebody may have come to it
      }
      throw named(failure.reason, begun[failed]?.settings);
    }
    commit();
    const tree = this.#options.policy();
    for (const keeper of [...plan.kept, ...begun]) keeper.setPolicy(tree);
    const waiting = heirs.filter(({ addresses }) => addresses.length === 0);
    for (const { old, heir } of plan.heirs) {
      old.setPolicy(tree);
      this.#letGo(old, waiting.includes(heir) ? old.drain(drainMs) : old.handOver(drainMs));
    }
    for (const keeper of plan.gone) this.#letGo(keeper, keeper.drain(drainMs));
    const order = new Map(settings.map(({ name }, i) => [name, i]));
    this.#keepers = [...plan.kept, ...begun]
      .sort((a, b) => (order.get(a.settings.name) ?? 0) - (order.get(b.settings.name) ?? 0));
    await Promise.all(waiting.map((heir) => heir.startOrRetry()));
  }

  /** No new sessions anywhere; resolves when what was in flight is done, or the time is over. */
  async drain(timeMs: number): Promise<void> {
    const all = [...this.#keepers, ...this.#draining];
    await Promise.all(all.map((keeper) => keeper.drain(timeMs)));
  }

  async status(): Promise<AgentStatus[]> {
    return await Promise.all([...this.#keepers, ...this.#draining].map((each) => each.status()));
  }

  /** Ends all at once. */
  close(): void {
    for (const keeper of [...this.#keepers, ...this.#draining]) keeper.close();
  }

  #keeper(settings: AgentSettings): AgentKeeper {
    const { worker, backstage, policy, report, heartbeatMs } = this.#options;
    const { config } = settings;
    const operations = config.agent === "clamd" ? config.operations : [];
    const ports = hostPorts(backstage, settings.nextHop, operations);
    return new AgentKeeper({
      settings,
      worker,
      ports,
      policy,
      report,
      addresses: this.#addresses,
      passed: this.#passed,
      ...(heartbeatMs === undefined ? {} : { heartbeatMs }),
    });
  }

  async #plan(settings: readonly AgentSettings[]): Promise<Plan> {
    const plan: Plan = { kept: [], fresh: [], heirs: [], gone: [] };
    const left = new Set(this.#keepers);
    const others: AgentSettings[] = [];
    for (const wanted of settings) {
      const old = this.#keepers.find((keeper) => keeper.settings.name === wanted.name);
      if (!old || !await old.reconfigure(wanted)) others.push(wanted);
      else {
        left.delete(old);
        plan.kept.push(old);
      }
    }
    // An address is taken over from whoever has it, whatever his name was.
    for (const wanted of others) {
      const old = [...left].find((keeper) => keeper.settings.listen === wanted.listen);
      if (old) left.delete(old);
      if (old) plan.heirs.push({ old, heir: this.#keeper(wanted) });
      else plan.fresh.push(this.#keeper(wanted));
    }
    plan.gone.push(...left);
    return plan;
  }

  #letGo(keeper: AgentKeeper, gone: Promise<void>): void {
    this.#draining.add(keeper);
    void gone.finally(() => this.#draining.delete(keeper));
  }
}

/** Starts beside the worker that has the address; where this system has no such thing, loads and lets it have its turn later. */
async function startBeside(heir: AgentKeeper): Promise<void> {
  try {
    await heir.start({ share: true });
  } catch (error) {
    if (!isTaken(error)) throw error;
    await heir.load();
  }
}

/** An agent's failure, with the agent's name. */
function named(reason: unknown, settings: AgentSettings | undefined): PosternError {
  const message = reason instanceof Error ? reason.message : String(reason);
  const code = reason instanceof PosternError ? reason.code : "daemon/worker";
  const which = settings
    ? `agent ${JSON.stringify(settings.name)} on ${settings.listen}`
    : "an agent";
  return new PosternError(code, `Cannot start ${which}: ${message}`, { cause: reason });
}
