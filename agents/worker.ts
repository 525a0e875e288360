/** Entry of every agent's worker: loads, says so, starts the agent it is told to, and passes messages. Imported by nothing. */
import { PosternError } from "../errors.ts";
import type { AgentConfig } from "../policy/config.ts";
import type { AgentPorts, RunningAgent } from "./ports.ts";
import { serveAgent } from "./worker_serve.ts";

/** Starts an agent, with the configuration of its kind: it comes from the daemon, which has checked it. */
type Start = (config: never, ports: AgentPorts) => Promise<RunningAgent>;

/** A worker loads the one agent that it is: the others would be megabytes of memory in every worker. */
const AGENTS: Readonly<Record<AgentConfig["agent"], () => Promise<Start>>> = {
  smtp: async () => (await import("./smtp/agent.ts")).startSmtpAgent,
  milter: async () => (await import("./milter/agent.ts")).startMilterAgent,
  clamd: async () => (await import("./clamd/agent.ts")).startClamdAgent,
  spamd: async () => (await import("./spamd/agent.ts")).startSpamdAgent,
  pop3: async () => (await import("./pop3/agent.ts")).startPop3Agent,
  imap: async () => (await import("./imap/agent.ts")).startImapAgent,
  delegation: async () => (await import("./delegation/agent.ts")).startDelegationAgent,
  rspamd: async () => (await import("./rspamd/agent.ts")).startRspamdAgent,
};

// The worker's name begins with its agent, which is loaded before the worker says that it is ready.
const [kind = ""] = globalThis.name.split(":");
await (AGENTS as Partial<Record<string, () => Promise<Start>>>)[kind]?.();

serveAgent(async (agent, config, ports): Promise<RunningAgent> => {
  const load = (AGENTS as Partial<typeof AGENTS>)[agent];
  if (!load) throw new PosternError("daemon/worker", `There is no agent ${String(agent)}`);
  return await (await load())(config as never, ports);
});
