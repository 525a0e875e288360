/**
 * What goes over a scanner's socket. The scanner says hello once it can do nothing but scan; then each request (a head and the
 * octets) gets one answer (a head, for `rewrite` followed by the new octets). Heads are JSON frames.
 */
import type { KernelRefusal } from "./landlock.ts";
import type { LoadedFile } from "./mapped_file.ts";
import type { MessageLayout, RewriteRequest, ScanSettings, Verdict } from "../types.ts";

/** First frame from the scanner. */
export interface ScannerHello {
  readonly hello: true;
  /** Names of permissions that the scanner could not give up; empty when all is well. */
  readonly kept: readonly string[];
  /** What the kernel refuses it, whatever the runtime would allow. */
  readonly refused: readonly KernelRefusal[];
}

/** Head of a request; one frame of octets follows it. */
export type ScannerRequest =
  | { readonly op: "scan"; readonly settings: ScanSettings }
  | { readonly op: "rewrite"; readonly request: RewriteRequest };

/** Head of an answer. */
export type ScannerAnswer =
  | { readonly ok: "scan"; readonly verdict: Verdict }
  /** One frame with the new octets follows. */
  | { readonly ok: "rewrite"; readonly layout: MessageLayout; readonly failed: readonly string[] }
  /** The engine threw: `memory` where it was refused more, otherwise a defect. */
  | { readonly ok: false; readonly reason: "memory" | "crashed"; readonly message: string };

/** What the scanner's main thread gives its worker before anything else: files that the worker itself may not read. */
export interface ToolsMessage {
  /** Path of the pool's socket. */
  readonly socket: string;
  /** Path of the C library, where the worker may call it to confine itself; else empty. */
  readonly library: string;
  /** The file `7zz.wasm`. */
  readonly sevenZip: Uint8Array<ArrayBuffer>;
  /** Signature modules, whole files. */
  readonly modules: readonly LoadedFile[];
  /** yara-x, where one of the modules is of YARA rules. */
  readonly yara?: Uint8Array<ArrayBuffer>;
}

/** What the main thread says when it has given up its permissions: the worker may say hello, and scan. */
export interface StartMessage {
  readonly start: true;
  /** Names of permissions that the main thread could not give up. */
  readonly kept: readonly string[];
  /** What the kernel refuses both threads. */
  readonly refused: readonly KernelRefusal[];
}

/**
 * What the scanner's worker says to the main thread: that it is there; that it has its tools and the socket, and gave up its
 * permissions, or why not; that the pool has closed the socket.
 */
export type WorkerState =
  | { readonly state: "there" }
  | { readonly state: "connected" }
  | { readonly state: "refused"; readonly reason: string }
  | { readonly state: "closed" };
