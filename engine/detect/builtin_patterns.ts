/** Patterns that are always looked for. */
import { GTUBE_PATTERN } from "../spam/gtube.ts";
import { EICAR_PATTERN } from "./eicar.ts";
import type { BytePattern } from "./pattern.ts";

/** Test files and mails. Modules of patterns have them, too, so that a content is gone through once. */
export const BUILTIN_PATTERNS: readonly BytePattern[] = [EICAR_PATTERN, GTUBE_PATTERN];

/** Changes with {@link BUILTIN_PATTERNS}. */
export const BUILTIN_VERSION = 1;
