#!/usr/bin/env node
// Drives a running server with the official OpenAI client for Node: chat, stream, Zod schemas,
// tools, embeddings, errors. The text model must know tools (Qwen, Llama 3.1, Mistral).
//
//     npm install --prefix tests/clients --no-save openai@6 zod@4
//     INTRAMUROS_API_KEY=imk_… node tests/clients/openai_node.mjs [URL]
//
// Prints a line a check and `N passed, N failed`; exits 1 when one failed.

import assert from 'node:assert/strict';
import OpenAI from 'openai';
import { zodResponseFormat } from 'openai/helpers/zod';
import { z } from 'zod';

const url = process.argv[2] ?? 'http://127.0.0.1:8484';
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: process.env.INTRAMUROS_API_KEY });
const models = (await client.models.list()).data;
const model = models.find((one) => one.task === 'text').id;
const encoder = models.find((one) => one.task === 'embedding').id;
const messages = [{ role: 'user', content: 'Réponds par un mot : la capitale de la France ?' }];
const greedy = { model, temperature: 0, max_tokens: 100 };

const tools = [{
  type: 'function',
  function: {
    name: 'get_price',
    description: "Prix de location d'une machine",
    parameters: {
      type: 'object',
      properties: { reference: { type: 'string' } },
      required: ['reference'],
      additionalProperties: false,
    },
  },
}];

const checks = {
  async chat() {
    const done = await client.chat.completions.create({ ...greedy, messages });
    assert.match(done.choices[0].message.content, /Paris/);
    assert.equal(done.usage.total_tokens, done.usage.prompt_tokens + done.usage.completion_tokens);
  },
  async a_stream_carries_the_same_text() {
    const whole = await client.chat.completions.create({ ...greedy, messages });
    const stream = await client.chat.completions.create({ ...greedy, messages, stream: true });
    let text = '';
    for await (const chunk of stream) text += chunk.choices[0]?.delta?.content ?? '';
    assert.equal(text, whole.choices[0].message.content);
  },
  async a_zod_schema_is_parsed() {
    const Rental = z.object({ machine: z.string(), days: z.number().int(), delivered: z.boolean() });
    const done = await client.chat.completions.parse({
      ...greedy,
      messages: [{ role: 'user', content: 'Extrais : la MP-18 est louée 3 jours, livraison comprise.' }],
      response_format: zodResponseFormat(Rental, 'rental'),
    });
    assert.equal(done.choices[0].message.parsed.days, 3);
  },
  async tools_run_to_the_answer() {
    let asked = '';
    const runner = client.chat.completions.runTools({
      ...greedy,
      messages: [{ role: 'user', content: "Quel est le prix de la MP-18 ? Utilise l'outil." }],
      tools: [{
        type: 'function',
        function: {
          ...tools[0].function,
          parse: JSON.parse,
          function: ({ reference }) => { asked = reference; return '135 EUR par jour'; },
        },
      }],
      tool_choice: { type: 'function', function: { name: 'get_price' } },
    });
    await runner.finalMessage();
    assert.match(asked, /MP-18/);
  },
  async responses() {
    const done = await client.responses.create({
      model, input: 'Dis bonjour.', temperature: 0, max_output_tokens: 20, store: false,
    });
    assert.ok(done.output_text.length > 0);
  },
  async embeddings() {
    const told = await client.embeddings.create({ model: encoder, input: ['un', 'deux'] });
    assert.equal(told.data.length, 2);
    assert.equal(told.data[0].embedding.length, 384);
  },
  async errors_have_their_classes() {
    const create = (changes) => client.chat.completions.create({ ...greedy, messages, ...changes });
    await assert.rejects(create({ model: 'gpt-4o' }), OpenAI.NotFoundError);
    await assert.rejects(create({ temperature: -1 }), OpenAI.BadRequestError);
    const wrong = client.withOptions({ apiKey: 'imk_wrong' });
    await assert.rejects(wrong.models.list(), OpenAI.AuthenticationError);
  },
};

let failed = 0;
for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
    console.log(`ok      ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED  ${name}: ${error.message}`);
  }
}
console.log(`${Object.keys(checks).length - failed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
