import type { PolicyInput } from "./schema.ts";

/**
 * Types `policy.ts` and returns it as it is; the check is made by the reader of the document. Names of lists and groups that
 * the document does not define are errors in the editor.
 *
 * @param policy The organisation's policy.
 */
export function definePolicy<const List extends string = never, const Group extends string = never>(
  policy: PolicyInput<List, Group>,
): PolicyInput<List, Group> {
  return policy;
}
