/** All agents of the configuration: started together, changed together, drained together. */
import { PosternError } from "../errors.ts";
import type { DecisionTree } from "../policy/tree.ts";
import { AgentKeeper, type AgentStatus } from "./agent_keeper.ts";
import type { AgentSettings } from "./agent_settings.ts";
import { type Backstage, hostPorts } from "./host_ports.ts";
import type { Report } from "./status.ts";

/** What keepers are made with. */
export interface AgentsOptions {
  readonly worker: URL;
  readonly backstage: () => Backstage;
  readonly policy: () => DecisionTree;
  readonly report: Report;
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

  constructor(options: AgentsOptions) {
    this.#options = options;
  }

  /** In the order of the configuration. */
  get keepers(): readonly AgentKeeper[] {
    return this.#keepers;
  }

  /** @throws {PosternError} where one cannot be started; none runs then. */
  async start(settings: readonly AgentSettings[]): Promise<void> {
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
   * Changes to other settings and to the policy now in force. What is new listens before anything else is touched, so that a
   * failure changes nothing; what does not change keeps its sessions; what goes finishes them.
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
    const plan = await this.#plan(settings);
    const begun = [...plan.fresh, ...plan.heirs.map(({ heir }) => heir)];
    const results = await Promise.allSettled([
      ...plan.fresh.map((keeper) => keeper.start()),
      // These load now and listen later: the moment between two owners of an address is then a short one.
      ...plan.heirs.map(({ heir }) => heir.load()),
    ]);
    const failed = results.findIndex(({ status }) => status === "rejected");
    const failure = results[failed];
    if (failure?.status === "rejected") {
      for (const keeper of begun) keeper.close();
      throw named(failure.reason, begun[failed]?.settings);
    }
    commit();
    const tree = this.#options.policy();
    for (const keeper of [...plan.kept, ...plan.fresh]) keeper.setPolicy(tree);
    for (const { old } of plan.heirs) this.#letGo(old, drainMs);
    for (const keeper of plan.gone) this.#letGo(keeper, drainMs);
    const order = new Map(settings.map(({ name }, i) => [name, i]));
    this.#keepers = [...plan.kept, ...begun]
      .sort((a, b) => (order.get(a.settings.name) ?? 0) - (order.get(b.settings.name) ?? 0));
    await Promise.all(plan.heirs.map(({ heir }) => heir.startOrRetry()));
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
    const { worker, backstage, policy, report } = this.#options;
    const ports = hostPorts(backstage, settings.nextHop);
    return new AgentKeeper({ settings, worker, ports, policy, report });
  }

  async #plan(settings: readonly AgentSettings[]): Promise<Plan> {
    const plan: Plan = { kept: [], fresh: [], heirs: [], gone: [] };
    const left = new Map(this.#keepers.map((keeper) => [keeper.settings.name, keeper]));
    for (const wanted of settings) {
      const old = left.get(wanted.name);
      left.delete(wanted.name);
      if (old && await old.reconfigure(wanted)) plan.kept.push(old);
      else if (old?.settings.listen === wanted.listen) {
        plan.heirs.push({ old, heir: this.#keeper(wanted) });
      } else {
        plan.fresh.push(this.#keeper(wanted));
        if (old) plan.gone.push(old);
      }
    }
    plan.gone.push(...left.values());
    return plan;
  }

  #letGo(keeper: AgentKeeper, drainMs: number): void {
    this.#draining.add(keeper);
    void keeper.drain(drainMs).finally(() => this.#draining.delete(keeper));
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
