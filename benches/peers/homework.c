/* One call of the homework's network by hand: I inputs, H hidden units, O outputs; CROSS_ENTROPY and TANH are 0 or 1.
   in: v1 b1 v2 b2 x y. out: with everything jv2 jb2 jq jp jv1 jb1 gz gv2 gb2 gq gp gv1 gb1, else gv2 gb2 gv1 gb1. */
#include <math.h>

static double *diagonal(double *o, const double *values, int n) {
  for (int i = 0; i < n; i++)
    for (int j = 0; j < n; j++) *o++ = i == j ? values[i] : 0;
  return o;
}

static double *identity(double *o, int n) {
  for (int i = 0; i < n; i++)
    for (int j = 0; j < n; j++) *o++ = i == j;
  return o;
}

static double *rows(double *o, const double *row, int n, int m) {
  for (int i = 0; i < n; i++)
    for (int j = 0; j < n; j++)
      for (int k = 0; k < m; k++) *o++ = i == j ? row[k] : 0;
  return o;
}

static double *copy(double *o, const double *values, int n) {
  for (int i = 0; i < n; i++) *o++ = values[i];
  return o;
}

static double *outer(double *o, const double *a, int n, const double *b, int m) {
  for (int i = 0; i < n; i++)
    for (int j = 0; j < m; j++) *o++ = a[i] * b[j];
  return o;
}

__attribute__((noinline)) static void call(const double *in, double *out, int everything) {
  const double *v1 = in, *b1 = v1 + H * I, *v2 = b1 + H, *b2 = v2 + O * H, *x = b2 + O, *y = x + I;
  double q[H], slope[H], z[O], gz[O], gq[H], gp[H];
  for (int i = 0; i < H; i++) {
    double p = b1[i];
    for (int j = 0; j < I; j++) p += v1[i * I + j] * x[j];
    q[i] = TANH ? tanh(p) : p > 0 ? p : 0;
    slope[i] = TANH ? 1 - q[i] * q[i] : p > 0;
  }
  for (int i = 0; i < O; i++) {
    z[i] = b2[i];
    for (int j = 0; j < H; j++) z[i] += v2[i * H + j] * q[j];
  }
  if (CROSS_ENTROPY) {
    double greatest = z[0], total = 0;
    for (int i = 1; i < O; i++) greatest = z[i] > greatest ? z[i] : greatest;
    for (int i = 0; i < O; i++) total += gz[i] = exp(z[i] - greatest);
    for (int i = 0; i < O; i++) gz[i] = gz[i] / total - y[i];
  } else {
    for (int i = 0; i < O; i++) gz[i] = z[i] - y[i];
  }
  for (int j = 0; j < H; j++) {
    gq[j] = 0;
    for (int i = 0; i < O; i++) gq[j] += gz[i] * v2[i * H + j];
    gp[j] = slope[j] * gq[j];
  }
  double *o = out;
  if (everything) {
    o = rows(o, q, O, H);
    o = identity(o, O);
    o = copy(o, v2, O * H);
    o = diagonal(o, slope, H);
    o = rows(o, x, H, I);
    o = identity(o, H);
    o = copy(o, gz, O);
  }
  o = outer(o, gz, O, q, H);
  o = copy(o, gz, O);
  if (everything) o = copy(copy(o, gq, H), gp, H);
  o = outer(o, gp, H, x, I);
  copy(o, gp, H);
}

void loop(const double *in, double *out, long everything, long repetitions) {
  for (long r = 0; r < repetitions; r++) {
    call(in, out, (int)everything);
    __asm__ volatile("" ::"r"(in), "r"(out) : "memory");
  }
}
