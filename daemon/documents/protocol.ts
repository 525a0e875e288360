/** What the daemon and the process that evaluates a document say to each other: JSON frames on stdin and stdout. */
import type { ErrorCode } from "../../errors.ts";

/** From the process to the daemon. */
export type FromReader =
  /** It is up, and has nothing hostile in it yet. */
  | { readonly type: "ready" }
  /** It needs a file that one imports; answered by a source or a refusal. */
  | { readonly type: "need"; readonly from: string; readonly specifier: string }
  /** The document's value, as JSON. */
  | { readonly type: "value"; readonly json: string }
  | { readonly type: "refused"; readonly code: ErrorCode; readonly message: string };

/** From the daemon to the process; the first is the document itself. */
export type ToReader =
  | { readonly type: "source"; readonly path: string; readonly text: string }
  | { readonly type: "refused"; readonly code: ErrorCode; readonly message: string };

/** What the worker inside is asked: to import this module. */
export interface EvaluateRequest {
  readonly url: string;
}

/** What it answers. */
export type EvaluateAnswer =
  | { readonly json: string }
  /** The value is no plain data. */
  | { readonly notPlain: string }
  | { readonly missing: true }
  | { readonly error: { readonly name: string; readonly message: string; readonly stack: string } };
