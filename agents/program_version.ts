import project from "../deno.json" with { type: "json" };

/** This program and its version, as protocols say it: `Postern 0.1.0`. */
export const PROGRAM_VERSION = `Postern ${project.version}`;
