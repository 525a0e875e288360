/** Entry of the worker `engines`: may connect to the engines of the configuration, and to nothing else. Imported by nothing. */
import { type EngineAnswer, silent } from "./answer.ts";
import { askClamd } from "./clamd.ts";
import { connector } from "./connect.ts";
import { type Converse, EngineGate } from "./gate.ts";
import { icapAddress, IcapClient } from "./icap.ts";
import type { ToEngineWorker, WireEngine } from "./worker_protocol.ts";

/** A worker's global scope, which the page's `self` does not type. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<ToEngineWorker>) => void) | null;
  postMessage(message: unknown): void;
}

const scope = globalThis as unknown as WorkerScope;
const gates = new Map<string, EngineGate>();
const asked = new Map<number, AbortController>();

scope.onmessage = ({ data }) => {
  switch (data.type) {
    case "start":
      for (const engine of data.engines) {
        gates.set(engine.name, new EngineGate(engine, converseWith(engine)));
      }
      break;
    case "ask":
      void ask(data.id, data.engines, data.octets);
      break;
    case "cancel":
      asked.get(data.id)?.abort();
  }
};
scope.postMessage({ type: "ready" });

async function ask(id: number, engines: readonly string[], octets: Uint8Array): Promise<void> {
  const controller = new AbortController();
  asked.set(id, controller);
  await Promise.all(engines.map(async (engine) => {
    const answer: EngineAnswer = await gates.get(engine)?.ask(octets, controller.signal) ??
      silent("error", "there is no such engine");
    scope.postMessage({ type: "answer", id, engine, answer });
  }));
  asked.delete(id);
}

function converseWith({ speaks }: WireEngine): Converse {
  if (speaks.protocol === "clamd") {
    const connect = connector(speaks.address);
    return (octets, signal) => askClamd(connect, octets, signal);
  }
  const client = new IcapClient(speaks, connector(icapAddress(speaks.url)));
  return (octets, signal) => client.ask(octets, signal);
}
