/** The worker's loop: what the daemon says, to the agent; what the agent needs, to the daemon. */
import { PosternError } from "../errors.ts";
import type { AgentConfig } from "../policy/config.ts";
import { PortsClient } from "./ports_client.ts";
import type { AgentPorts, RunningAgent } from "./ports.ts";
import type { ToWorker } from "./worker_protocol.ts";

/** Starts the agent of a kind. */
export type StartAgent = (
  agent: AgentConfig["agent"],
  config: unknown,
  ports: AgentPorts,
) => Promise<RunningAgent>;

/** A worker's global scope, which the page's `self` does not type. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  postMessage(message: unknown, transfer: Transferable[]): void;
  close(): void;
}

/** Serves one agent until it is told to close. Call once, at the worker's top level. */
export function serveAgent(start: StartAgent): void {
  const scope = globalThis as unknown as WorkerScope;
  let ports: PortsClient | undefined;
  let agent: RunningAgent | undefined;
  const tell = (id: number, value: unknown) => scope.postMessage({ type: "told", id, value }, []);

  const ask = async (message: ToWorker & { type: "ask" }) => {
    if (message.what === "status") tell(message.id, agent?.status() ?? {});
    else if (message.what === "reconfigure") {
      tell(message.id, agent?.reconfigure?.(message.config) ?? false);
    } else if (message.what === "stopListening") {
      agent?.stopListening?.();
      tell(message.id, true);
    } else {
      await agent?.drain();
      ports?.flush();
      tell(message.id, true);
    }
  };

  scope.onmessage = async ({ data }) => {
    switch (data.type) {
      case "start":
        try {
          ports = new PortsClient(
            data.tree,
            (message, transfer) => scope.postMessage(message, transfer),
          );
          agent = await start(data.agent, data.config, ports);
          scope.postMessage({ type: "started", addresses: [...agent.addresses] }, []);
        } catch (error) {
          const code = error instanceof PosternError ? error.code : "daemon/worker";
          const message = error instanceof Error ? error.message : String(error);
          scope.postMessage({ type: "failed", code, message }, []);
        }
        break;
      case "policy":
        ports?.setPolicy(data.tree);
        break;
      case "ask":
        await ask(data);
        break;
      case "answer":
        ports?.answered(data.id, data.value);
        break;
      case "verdict":
        ports?.scanned(data.id, data.text, data.queueMs);
        break;
      case "failure":
        ports?.failed(data.id, data.code, data.message);
        break;
      case "close":
        agent?.close();
        ports?.flush();
        scope.close();
        break;
      default:
        throw new PosternError(
          "daemon/worker",
          `An unknown message came: ${JSON.stringify(data satisfies never)}`,
        );
    }
  };
  scope.postMessage({ type: "ready" }, []);
}
