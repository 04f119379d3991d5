/** How `npm run compilers` reads listings and counts the source; the compiler itself is asked by hand. */
import * as assert from 'uvu/assert';
import type { MachineCounts, SourceCounts } from '../scripts/compilers/counts.ts';
import { EXPECTED } from '../scripts/compilers/expected.ts';
import { countInstructions, listingsOf } from '../scripts/compilers/listing.ts';
import { countSource } from '../scripts/compilers/source.ts';
import { differences } from '../scripts/compilers/verdict.ts';
import { shaders, subgroupShaders } from '../ts/generated/wgsl.ts';
import { suite } from './support/suite.ts';

const compilers = suite('compilers');

/** As the driver prints: warnings, then one listing by LLVM, one by ACO itself. */
const OUTPUT = `WARNING: not a conformant implementation
	v_add_f32_e32 v9, v9, v9                                    ; 06121309
=== first.spirv
Compute Shader
disasm:
BB0:
	v_cvt_f32_u32_e32 v2, s3                                    ; 7e040c03
	v_rcp_iflag_f32_e32 v2, v2                                  ; 7e045702
	v_mul_f32_e32 v2, 0x4f7ffffe, v2                            ; 100404ff 4f7ffffe
	v_cvt_u32_f32_e32 v2, v2                                    ; 7e040f02
	v_cmp_gt_f32_e64 s[4:5], v3, v4                             ; d4c40004 00020903
	v_sub_f32_e32 v15, v15, v18                                 ; 081e250f
	v_subrev_f32_e32 v15, s1, v15                               ; 0a1e1e01
	v_add_f32_e64 v1, v2, v3 mul:2                              ; d5030001 08020702
	v_mul_f32_dpp v1, v2, v3 row_shr:1 row_mask:0xf bank_mask:0xf
	v_fmac_f32_e32 v10, v18, v18                                ; 56142512
	v_fma_f32 v10, v18, s1, v3                                  ; d54b000a 040c0312
	v_fmaak_f32 v4, v5, v6, 0x40000000                          ; 5a080d05 40000000
	v_mac_f32_e32 v3, v1, v2                                    ; 2c060501
	v_pk_add_f32 v[0:1], v[2:3], v[4:5]                         ; d3b24000 18020902
	v_dual_mul_f32 v0, v1, v2 :: v_dual_add_f32 v3, v4, v5      ; c8c80501 00020b04
	v_med3_f32 v0, v0, 0, 1.0                                   ; d5570000 03c90100
	v_rndne_f32_e32 v0, v0                                      ; 7e004700
	s_endpgm                                                    ; bf810000
=== second.spirv
After lowering to hw instructions:
	 v1: %20:v[3] = v_fmac_f32 %12:v[1], %15:v[2], %19:v[3]
	 s1: (precise)%122:s[1] = s_mul_f32 %121:s[1], 0x4f7ffffe
	 s1: %121:s[1] = v_s_rcp_f32 %120:s[1]
	 s1: %123:s[2] = s_add_f32 %122:s[1], 1.0
	 v1: %1:v[0] = v_sqrt_f32 %2:v[1]
	 v1: %1:v[0] = v_rcp_f32 %2:v[1]
	s_endpgm
`;

compilers('instructions are counted by what they round', () => {
  const listings = listingsOf(OUTPUT);
  assert.equal([...listings.keys()], ['first.spirv', 'second.spirv']);
  assert.equal(countInstructions(listings.get('first.spirv')!), {
    adds: 6, // sub, subrev, add, two packed, one of two at once
    multiplies: 3, // mul:2, dpp, one of two at once; that of the quotient is left out
    fused: 3,
    mads: 1,
    divisions: 1,
    others: [],
  });
  assert.equal(countInstructions(listings.get('second.spirv')!), {
    ...{ adds: 1, multiplies: 0, fused: 1, mads: 0, divisions: 1 },
    others: ['sqrt', 'rcp'], // one reciprocal belongs to the quotient, the other does not
  });
});

const SHADER = `
struct Params { scale: f32, stages: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;

fn scaled(v: vec4f) -> vec4f {
  return v * p.scale;
}
fn staged(v: f32, stages: u32, what: u32) -> f32 {
  if (what == 1u) {
    return v * v;
  }
  var u = v;
  if ((stages & 1u) != 0u) {
    u = u + p.scale;
  }
  if ((stages & 4u) != 0u) {
    u = u - p.scale;
  }
  return u + u;
}
@compute @workgroup_size(1)
fn sums(@builtin(local_invocation_index) t: u32) {
  var sum = 0.0;
  for (var i = t; i < 32u; i += 1u) {
    let v = scaled(scaled(vec4f(x[i])));
    sum = sum + v.x * v.y - x[t + 1u];
  }
  x[t] = max(sum, abs(x[t]));
}
@compute @workgroup_size(1)
fn stages(@builtin(local_invocation_index) t: u32) {
  x[t] = staged(x[t], p.stages & 12u, 0u);
}
@compute @workgroup_size(1)
fn squares(@builtin(local_invocation_index) t: u32) {
  x[t] = staged(x[t], p.stages, 1u);
}
@compute @workgroup_size(1)
fn fusing(@builtin(local_invocation_index) t: u32) {
  x[t] = fma(x[t], p.scale, x[t]);
}`;

compilers('the source is counted by calls and components, without what its arguments rule out', () => {
  const counts = countSource(SHADER);
  const none = { adds: 0, multiplies: 0, fused: 0, doubles: 0 };
  assert.equal(counts.get('sums'), { ...none, adds: 2, multiplies: 9 });
  assert.equal(counts.get('stages'), { ...none, adds: 1, doubles: 1 });
  assert.equal(counts.get('squares'), { ...none, multiplies: 1 });
  assert.equal(counts.get('fusing'), { ...none, fused: 1 });
  assert.throws(() => countSource(SHADER.replace('v * p.scale', 'v / p.scale')), /"\/" of floats/);
  assert.throws(() => countSource(SHADER.replace('abs(x[t])', 'sqrt(x[t])')), /"sqrt" of floats/);
});

const source = (adds: number, multiplies: number, doubles = 0): SourceCounts => {
  return { adds, multiplies, doubles, fused: 0 };
};
const machine = (counts: Partial<MachineCounts>): MachineCounts => {
  return { adds: 0, multiplies: 0, fused: 0, mads: 0, divisions: 0, others: [], ...counts };
};
const expected = { shader: 'some', entry: 'one', pairs: 2, reason: 'exact' };

compilers('a difference is what was fused, went missing or was added', () => {
  assert.equal(differences(source(2, 1), machine({ adds: 8, multiplies: 4 })), []);
  assert.equal(differences(source(2, 2), machine({ mads: 2 })), []);
  assert.equal(differences(source(2, 2), machine({ fused: 2 })), ['2 fused']);
  assert.equal(differences(source(2, 2), machine({ fused: 4 }), expected), []);
  assert.equal(differences(source(2, 2), machine({ fused: 3 }), expected), ['3 fused']);
  assert.equal(differences({ ...source(0, 0), fused: 1 }, machine({ fused: 1 })), []);
  assert.equal(differences(source(2, 1), machine({ adds: 1, multiplies: 1 })), ['1 adds missing']);
  assert.equal(differences(source(0, 2), machine({ multiplies: 1 })), ['1 multiplies missing']);
  assert.equal(differences(source(1, 0), machine({ adds: 1, multiplies: 1 })), [
    '1 multiplies that the source has not',
  ]);
  assert.equal(differences(source(0, 1), machine({ adds: 1, multiplies: 1 })), [
    '1 adds that the source has not',
  ]);
  assert.equal(differences(source(0, 1), machine({ multiplies: 1, others: ['sqrt', 'sqrt'] })), ['sqrt']);
});

compilers('x + x may become 2 x, and may not go', () => {
  assert.equal(differences(source(1, 0, 1), machine({ adds: 1, multiplies: 1 })), []);
  assert.equal(differences(source(0, 1, 1), machine({ adds: 1, multiplies: 1 })), []);
  assert.equal(differences(source(1, 0, 1), machine({ adds: 1 })), ['1 doublings missing']);
});

compilers('every shader can be counted, and has the pairs that may be fused', () => {
  const counts = new Map<string, SourceCounts>();
  const count = (shader: string, text: string): void => {
    for (const [entry, found] of countSource(text)) counts.set(`${shader}.${entry}`, found);
  };
  for (const [name, { source }] of Object.entries(shaders)) count(name, source);
  for (const [name, { source }] of Object.entries(subgroupShaders)) count(`${name}-subgroups`, source);
  for (const { shader, entry, pairs } of EXPECTED) {
    const found = counts.get(`${shader}.${entry}`);
    assert.ok(found, `${shader}.${entry} is in scripts/compilers/expected.ts and not in wgsl/`);
    assert.ok(pairs <= found.adds && pairs <= found.multiplies + found.doubles, `${shader}.${entry}`);
  }
  assert.ok(
    [...counts.values()].every(({ fused }) => fused === 0),
    'rule 4: no fma',
  );
});

compilers.run();
