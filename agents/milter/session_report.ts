import { PosternError } from "../../errors.ts";
import type { AgentPorts } from "../ports.ts";
import { describe } from "../describe.ts";
import { nameForeign } from "./foreign.ts";

/** What is known of a conversation that has ended by an error. */
export interface Ended {
  readonly listener: string;
  /** Address of the mail server. */
  readonly mta: string;
  readonly negotiated: boolean;
  /** Whether a message was open. */
  readonly busy: boolean;
  /** First octets of the packet that was not whole, or none. */
  readonly seen: Uint8Array;
}

/** Says in the log how a conversation ended: what an administrator has to mend is a warning. */
export function reportEnd(ports: AgentPorts, ended: Ended, error: unknown): void {
  const { negotiated, busy, seen, ...fields } = ended;
  if (!(error instanceof PosternError)) {
    ports.log("error", "A session failed", { ...fields, error: describe(error) });
  } else if (error.code === "wire/timeout") {
    ports.log(negotiated ? "info" : "warning", "A mail server was silent for too long", {
      ...fields,
      ...(negotiated ? {} : { said: seen.length === 0 ? "nothing" : nameForeign(seen) }),
    });
  } else if (error.code === "wire/closed" || error.code === "scan/cancelled") {
    ports.log(busy ? "info" : "debug", "A mail server broke the connection", fields);
  } else if (!negotiated) {
    ports.log("warning", "A client does not speak the milter protocol", {
      ...fields,
      speaks: nameForeign(seen),
    });
  } else {
    const what = "A mail server broke the milter protocol";
    ports.log("warning", what, { ...fields, error: error.message });
  }
}
