/** Entry of the worker that seals: has the key, reads mail, and may touch nothing at all. Imported by nothing. */
import { type SealIdentity, sealMessage } from "./seal.ts";
import type { ToSealer } from "./protocol.ts";

/** A worker's global scope, which the page's `self` does not type. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<ToSealer>) => void) | null;
  postMessage(message: unknown): void;
}

type Texts = readonly (readonly string[])[] | undefined;

const scope = globalThis as unknown as WorkerScope;
const waiting = new Map<string, ((texts: Texts) => void)[]>();
let identity: SealIdentity | undefined;

scope.onmessage = ({ data }) => {
  switch (data.type) {
    case "start":
      identity = data.identity;
      break;
    case "texts": {
      const key = `${data.id} ${data.name}`;
      for (const resolve of waiting.get(key) ?? []) resolve(data.texts);
      waiting.delete(key);
      break;
    }
    case "seal":
      void seal(data.id, data.original, data.message);
  }
};
scope.postMessage({ type: "ready" });

async function seal(id: number, original: Uint8Array, message: Uint8Array): Promise<void> {
  try {
    if (!identity) throw new Error("there is no key");
    const result = await sealMessage(original, message, identity, (name) => lookUp(id, name));
    scope.postMessage(
      "fields" in result
        ? { type: "sealed", id, fields: result.fields }
        : { type: "unsealed", id, why: result.unsealed.slice(0, 1000) },
    );
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    scope.postMessage({ type: "unsealed", id, why: why.slice(0, 1000) });
  }
}

/** Names that no key can have are answered here: what a message makes of them goes no further. */
const KEY_NAME =
  /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\._domainkey\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/;

function lookUp(id: number, name: string): Promise<Texts> {
  if (name.length > 255 || !KEY_NAME.test(name)) return Promise.resolve([]);
  const key = `${id} ${name}`;
  return new Promise((resolve) => {
    const others = waiting.get(key);
    if (others) return void others.push(resolve);
    waiting.set(key, [resolve]);
    scope.postMessage({ type: "lookUp", id, name });
  });
}
