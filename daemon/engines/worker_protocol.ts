/** Messages between the daemon and the worker `engines`. What comes from the worker is checked: it reads answers from outside. */
import * as v from "valibot";
import { ENGINE_FAILURES } from "../../engine/types.ts";

/** An engine on a socket, as the worker is told. */
export interface WireEngine {
  readonly name: string;
  readonly timeMs: number;
  readonly maxOctets: number;
  readonly concurrency: number;
  readonly speaks:
    | { readonly protocol: "clamd"; readonly address: string }
    | {
      readonly protocol: "icap";
      readonly url: string;
      readonly method: "respmod" | "reqmod";
      readonly preview: boolean;
    };
}

/** From the daemon to the worker. */
export type ToEngineWorker =
  /** First message. */
  | { readonly type: "start"; readonly engines: readonly WireEngine[] }
  | {
    readonly type: "ask";
    readonly id: number;
    /** Names of the engines. */
    readonly engines: readonly string[];
    readonly octets: Uint8Array;
  }
  /** Nobody waits any more. */
  | { readonly type: "cancel"; readonly id: number };

const name = v.pipe(v.string(), v.regex(/^[\x20-\x7e]{1,200}$/));
const detail = v.pipe(v.string(), v.regex(/^[\x20-\x7e]{0,300}$/));

/** {@link import("./answer.ts").EngineAnswer} */
const answer = v.variant("status", [
  v.object({ status: v.literal("clean") }),
  v.object({
    status: v.literal("found"),
    found: v.pipe(
      v.array(v.object({ name, guess: v.exactOptional(v.boolean()) })),
      v.minLength(1),
      v.maxLength(50),
    ),
  }),
  v.object({ status: v.literal("notScanned"), reason: v.picklist(ENGINE_FAILURES), detail }),
]);

/** From the worker to the daemon, after the message that says that it is loaded: what one engine said of one object. */
export const fromEngineWorker = v.object({
  type: v.literal("answer"),
  id: v.pipe(v.number(), v.integer(), v.minValue(0)),
  engine: v.string(),
  answer,
});
