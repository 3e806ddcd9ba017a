/* The limit of building and differentiating a scalar graph: a hash-consed table of nodes of 16 bytes with open
   addressing, folding of 0 and 1, and a reverse sweep. The chained Rosenbrock function of w6.py. */
#include <stdint.h>
#include <stdlib.h>

typedef struct {
  uint32_t op, a, b, unused;
} Node;
enum { VARIABLE, CONSTANT, ADD, SUB, MUL };

static Node *nodes;
static uint32_t *table, *variables, count, zero, one, value;
static uint64_t mask;

static uint32_t make(uint32_t op, uint32_t a, uint32_t b) {
  uint64_t at = (((uint64_t)a << 32 | b) * 0x9E3779B97F4A7C15ull + op) * 0xBF58476D1CE4E5B9ull;
  for (at = (at ^ at >> 29) & mask; table[at]; at = (at + 1) & mask) {
    Node *n = nodes + table[at];
    if (n->a == a && n->b == b && n->op == op) return table[at];
  }
  nodes[count] = (Node){op, a, b, 0};
  table[at] = count;
  return count++;
}

static uint32_t add(uint32_t a, uint32_t b) {
  if (a == zero) return b;
  if (b == zero) return a;
  return a < b ? make(ADD, a, b) : make(ADD, b, a);
}

static uint32_t sub(uint32_t a, uint32_t b) { return b == zero ? a : make(SUB, a, b); }

static uint32_t mul(uint32_t a, uint32_t b) {
  if (a == zero || b == zero) return zero;
  if (a == one) return b;
  if (b == one) return a;
  return a < b ? make(MUL, a, b) : make(MUL, b, a);
}

void begin(long n, long capacity) {
  uint64_t slots = 1;
  while (slots < 2 * (uint64_t)capacity) slots *= 2;
  mask = slots - 1;
  nodes = malloc(sizeof(Node) * capacity);
  table = calloc(slots, 4);
  variables = malloc(4 * n);
  count = 1;
  zero = make(CONSTANT, 0, 0);
  one = make(CONSTANT, 1, 0);
  for (long i = 0; i < n; i++) variables[i] = make(VARIABLE, i, 0);
}

long build(long n) {
  uint32_t hundred = make(CONSTANT, 100, 0), f = zero;
  for (long i = 0; i < n - 1; i++) {
    uint32_t t = sub(variables[i + 1], mul(variables[i], variables[i])), u = sub(one, variables[i]);
    f = add(f, add(mul(hundred, mul(t, t)), mul(u, u)));
  }
  value = f;
  return count;
}

long gradient(long n, uint32_t *out) {
  uint32_t *adjoint = malloc(4 * (value + 1)), minus = make(CONSTANT, 0xffffffff, 0);
  for (uint32_t i = 0; i <= value; i++) adjoint[i] = zero;
  adjoint[value] = one;
  for (uint32_t i = value; i > 0; i--) {
    uint32_t g = adjoint[i];
    if (g == zero) continue;
    Node t = nodes[i];
    if (t.op == ADD) {
      adjoint[t.a] = add(adjoint[t.a], g);
      adjoint[t.b] = add(adjoint[t.b], g);
    } else if (t.op == SUB) {
      adjoint[t.a] = add(adjoint[t.a], g);
      adjoint[t.b] = add(adjoint[t.b], mul(minus, g));
    } else if (t.op == MUL) {
      uint32_t left = mul(g, t.b), right = mul(g, t.a);
      adjoint[t.a] = add(adjoint[t.a], left);
      adjoint[t.b] = add(adjoint[t.b], right);
    }
  }
  for (long i = 0; i < n; i++) out[i] = adjoint[variables[i]];
  free(adjoint);
  return count;
}
