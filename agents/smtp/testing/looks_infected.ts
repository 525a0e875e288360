import type { Verdict } from "../../../engine/types.ts";
import { walkHeader } from "../../header_walk.ts";
import { latin1 } from "../../line_ends.ts";

/** A verdict without an engine: infected where the text `INFECTED` stands, not scanned where `ENCRYPTED` does. */
export function looksInfected(message: Uint8Array): Verdict {
  const text = latin1(message);
  const infected = text.includes("INFECTED");
  const encrypted = text.includes("ENCRYPTED");
  return {
    status: infected ? "infected" : encrypted ? "notScanned" : "clean",
    findings: infected
      ? [{ name: "Test-Signature", severity: "infected", part: "", engine: "builtin" }]
      : [],
    notScanned: encrypted ? ["encrypted"] : [],
    parts: [],
    ambiguities: [],
    layout: walkHeader(message).layout,
    headers: [],
    sha256: "",
    size: message.length,
    costs: {},
  };
}
