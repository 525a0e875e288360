import assert from "node:assert/strict";
import * as fc from "fast-check";
import { textType } from "./text_type.ts";

const octets = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));

Deno.test("textType() finds by octets alone which text need not be looked at", () => {
  const piece = fc.constantFrom(
    "begin 644 a.exe",
    "=ybegin part=1 line=128 size=4",
    "(This file must be converted with BinHex 4.0)",
    "@echo off",
    "echo off",
    "$a = New-Object Net.WebClient",
    "param (",
    "IEX x",
    "Invoke-Expression x",
    "Set a = CreateObject(",
    "On Error Resume Next",
    "Dim a, b",
    "-----BEGIN PGP MESSAGE-----",
    "#!/bin/sh",
    "From me 1 2024\n",
    "<html>",
    "<p>",
    "<!-- a -->",
    "<svg ",
    "<?xml ",
    "<?php",
    "<x xmlns",
    "<hta:application",
    "<iframe ",
    "<6c>",
    "<",
    "words",
    " ",
    "\t",
    "\xa0",
    "\v",
    "\r",
    "\n",
    "\r\n",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const text = pieces.join("");
      // With a tag's beginning every row is tried; at the end it makes none of them match.
      assert.equal(textType(octets(text)), textType(octets(`${text}\n x<htmlx`)));
    }),
    { numRuns: 5000 },
  );
});
