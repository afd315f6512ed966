// Write Parquet files of vectors that internal/parquet and features are tested with, and read ours.
//
//     npm install @duckdb/node-api@1.5.6-r.1 hyparquet@1.31.5 hyparquet-compressors@1.1.2 hyparquet-writer@0.17.0 \
//         parquet-wasm@0.8.0 apache-arrow@21.2.0
//     node testdata/gen/vectors.mjs
//
// run from the root of the repository, rewrites internal/parquet/testdata/vectors/*.parquet with three tools that share no
// code: parquet-wasm (Rust's arrow-rs, which has Arrow's fixed-size lists), DuckDB and hyparquet-writer. Then it reads
// what internal/parquet and features wrote themselves (go test ./internal/parquet ./features -update) with all three.
// pyarrow, Arrow's C++, was not to be had where this was made.

import { DuckDBInstance } from '@duckdb/node-api'
import * as arrow from 'apache-arrow'
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import { parquetWriteFile } from 'hyparquet-writer'
import * as wasm from 'parquet-wasm'
import { deepStrictEqual as same } from 'node:assert'
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'

const out = 'internal/parquet/testdata/vectors'
const N = 25, D = 5
const range = n => Array.from({ length: n }, (_, i) => i)
const x = range(N).map(i => range(D).map(j => ((i * D + j) * 7 % 31 - 15) / 8)) // exact in float16
const label = i => i % 3, id = i => `${i}/grün.png`

function write(name, type, properties, rows = x, list = t => new arrow.FixedSizeList(D, new arrow.Field('item', t, true))) {
  const columns = {
    features: arrow.vectorFromArray(rows, list(type)),
    label: arrow.vectorFromArray(range(N).map(i => BigInt(label(i))), new arrow.Int64()),
    id: arrow.vectorFromArray(range(N).map(id), new arrow.Utf8()),
  }
  const table = wasm.Table.fromIPCStream(arrow.tableToIPC(new arrow.Table(columns), 'stream'))
  writeFileSync(`${out}/${name}.parquet`, wasm.writeParquet(table, properties(new wasm.WriterPropertiesBuilder()).build()))
}

const varying = t => new arrow.List(new arrow.Field('item', t, true))
const { SNAPPY, ZSTD, GZIP, UNCOMPRESSED } = wasm.Compression

async function duck(query) {
  const c = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect()
  return (await c.runAndReadAll(query)).getRowObjectsJson()
}

async function goldens() {
  mkdirSync(out, { recursive: true })
  for (const f of readdirSync(out)) if (f.endsWith('.parquet') && !f.startsWith('written')) rmSync(`${out}/${f}`)
  write('arrow_f32', new arrow.Float32(), p => p.setCompression(SNAPPY))
  write('arrow_f16', new arrow.Float16(), p => p.setCompression(ZSTD).setDictionaryEnabled(false))
  write('arrow_f64', new arrow.Float64(), p => p.setCompression(GZIP).setDictionaryEnabled(false).setMaxRowGroupSize(7))
  write('arrow_v2', new arrow.Float32(), p => p.setCompression(SNAPPY).setWriterVersion(wasm.WriterVersion.V2).setColumnEncoding('id', wasm.Encoding.PLAIN).setColumnEncoding('label', wasm.Encoding.PLAIN))
  write('arrow_split', new arrow.Float32(), p => p.setCompression(ZSTD).setDictionaryEnabled(false).setEncoding(wasm.Encoding.PLAIN).setColumnEncoding('features.list.item', wasm.Encoding.BYTE_STREAM_SPLIT))
  write('arrow_list', new arrow.Float32(), p => p.setCompression(UNCOMPRESSED).setDictionaryEnabled(false), x, varying)
  const bad = change => { const rows = x.map(r => [...r]); change(rows); return rows }
  write('bad_long', new arrow.Float32(), p => p, bad(r => { r[3].push(9); r[4].pop() }), varying)
  write('bad_empty', new arrow.Float32(), p => p, bad(r => { r[7] = []; r[8] = [...r[8], ...range(D - 1)] }), varying)
  write('bad_null', new arrow.Float32(), p => p, bad(r => { r[9] = null; r[10] = [...r[10], ...range(D - 1)] }), varying)
  write('bad_element', new arrow.Float32(), p => p, bad(r => { r[11][2] = null }), varying)
  write('bad_sum', new arrow.Float32(), p => p, bad(r => { r[0].pop() }), varying)

  const rows = range(N).map(i => `([${x[i]}]::float[${D}], ${label(i)}::bigint, '${id(i)}')`)
  await duck(`copy (select col0 as features, col1 as label, col2 as id from (values ${rows})) to '${out}/duckdb.parquet' (format parquet, compression zstd)`)
  parquetWriteFile({
    filename: `${out}/hyparquet.parquet`,
    columnData: [
      { name: 'features', data: x },
      { name: 'label', data: range(N).map(i => BigInt(label(i))) },
      { name: 'id', data: range(N).map(id) },
    ],
    schema: [
      { name: 'root', num_children: 3 },
      { name: 'features', num_children: 1, repetition_type: 'OPTIONAL', converted_type: 'LIST' },
      { name: 'list', num_children: 1, repetition_type: 'REPEATED' },
      { name: 'element', type: 'FLOAT', repetition_type: 'OPTIONAL' },
      { name: 'label', type: 'INT64', repetition_type: 'REQUIRED' },
      { name: 'id', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'REQUIRED' },
    ],
    rowGroupSize: 11, pageSize: 100, codec: 'SNAPPY', // pages of 25 numbers and of 20
  })
}

async function ours(name, type) {
  const path = `${out}/${name}.parquet`
  if (!existsSync(path)) return
  const want = range(N).map(i => ({ features: x[i], label: BigInt(label(i)), id: id(i) }))
  const table = arrow.tableFromIPC(wasm.readParquet(readFileSync(path)).intoIPCStream())
  same(`${table.schema.fields.map(f => `${f.name} ${f.type}`)}`, `features FixedSizeList[${D}]<${type}>,label Int64,id Utf8`)
  same(table.toArray().map(r => ({ features: [...r.features], label: r.label, id: r.id })), want)
  same(table.schema.metadata.get('note') ?? wasm.readParquet(readFileSync(path)).schema.metadata().get('note'), 'grün')
  same(await parquetReadObjects({ file: await asyncBufferFromFile(path), compressors }).then(r => r.map(r => ({ ...r, features: [...r.features] }))), want)
  same((await duck(`select * from '${path}'`)).map(r => ({ ...r, features: r.features.map(Number), label: BigInt(r.label) })), want)
  same(Number((await duck(`select count(*) as n from parquet_schema('${path}')`))[0].n) > 0, true)
  console.log(`${path} reads as ${table.schema.fields[0].type}`)
}

// A feature set: the values of testdata/gen/features.py.
async function set(name, type) {
  const path = `features/testdata/${name}.parquet`
  if (!existsSync(path)) return
  const ids = ['a/1.png', 'a/2.png', 'b/grün.png', 'b/猫.png', 'b/😀.png'], labels = [0, 1, 1, -1, 0]
  const want = ids.map((id, i) => ({
    id, label: BigInt(labels[i]), features: [0, 1, 2].map(j => (3 * i + j - 4) / 8), logits: [0, 1].map(j => (2 * i + j) * 3 % 7 / 4),
  }))
  const plain = r => ({ id: r.id, label: BigInt(r.label), features: [...r.features].map(Number), logits: [...r.logits].map(Number) })
  const table = arrow.tableFromIPC(wasm.readParquet(readFileSync(path)).intoIPCStream())
  same(`${table.schema.fields.map(f => `${f.name} ${f.type}`)}`, `id Utf8,label Int64,features FixedSizeList[3]<${type}>,logits FixedSizeList[2]<${type}>`)
  same(table.toArray().map(plain), want)
  same((await parquetReadObjects({ file: await asyncBufferFromFile(path), compressors })).map(plain), want)
  same((await duck(`select * from '${path}'`)).map(plain), want)
  const notes = await duck(`select decode(key) as k, decode(value) as v from parquet_kv_metadata('${path}')`)
  same(notes.find(n => n.k === 'classes').v, '["cat","dog \\u0026 \\u003cmore\\u003e"]')
  console.log(`${path} reads as ${table.schema.fields[2].type}`)
}

await goldens()
await ours('written_f32', 'Float32')
await ours('written_f16', 'Float16')
await set('saved', 'Float32')
await set('saved_f16', 'Float16')
