/* Gradients of scalar code by hand: the chained Rosenbrock function, a product of all entries, a robot arm of JOINTS
   revolute joints (definitions in w7.py), one and a batch of it. */
#include <math.h>

#define KEEP __asm__ volatile("" ::"r"(x), "r"(g) : "memory")

void rosenbrock(const double *restrict x, double *restrict g, long n, long repetitions) {
  for (long r = 0; r < repetitions; r++) {
    g[0] = -400 * x[0] * (x[1] - x[0] * x[0]) - 2 * (1 - x[0]);
    for (long i = 1; i < n - 1; i++)
      g[i] = 200 * (x[i] - x[i - 1] * x[i - 1]) - 400 * x[i] * (x[i + 1] - x[i] * x[i]) - 2 * (1 - x[i]);
    g[n - 1] = 200 * (x[n - 1] - x[n - 2] * x[n - 2]);
    KEEP;
  }
}

void speelpenning(const double *restrict x, double *restrict g, long n, long repetitions) {
  for (long r = 0; r < repetitions; r++) {
    double p = 1;
    for (long i = 0; i < n; i++) {
      g[i] = p;
      p *= x[i];
    }
    p = 1;
    for (long i = n - 1; i >= 0; i--) {
      g[i] *= p;
      p *= x[i];
    }
    KEEP;
  }
}

static const double D[6] = {.1625, 0, 0, .1333, .0997, .0996}, A[6] = {0, -.425, -.3922, 0, 0, 0};
static const double CA[6] = {0, 1, 1, 0, 0, 1}, SA[6] = {1, 0, 0, 1, -1, 0}, T[3] = {.3, .2, .5};

/* The geometric Jacobian: dp/dq_i = z_i x (p - p_i). V is a double, or four of them, one for each arm of a batch. */
#define ARM(NAME, V) \
  static inline __attribute__((always_inline)) void NAME(const V *c, const V *s, V *g) { \
    V O = {0}, z[JOINTS][3], o[JOINTS][3], x0[3] = {O + 1, O, O}, y0[3] = {O, O + 1, O}, z0[3] = {O, O, O + 1}, p[3] = {O, O, O}; \
    _Pragma("GCC unroll 6") for (int i = 0; i < JOINTS; i++) { \
      _Pragma("GCC unroll 3") for (int k = 0; k < 3; k++) { \
        z[i][k] = z0[k]; \
        o[i][k] = p[k]; \
        V xx = c[i] * x0[k] + s[i] * y0[k], yy = c[i] * y0[k] - s[i] * x0[k]; \
        p[k] += D[i] * z0[k] + A[i] * xx; \
        y0[k] = CA[i] * yy + SA[i] * z0[k]; \
        z0[k] = CA[i] * z0[k] - SA[i] * yy; \
        x0[k] = xx; \
      } \
    } \
    V e0 = 2 * (p[0] - T[0]), e1 = 2 * (p[1] - T[1]), e2 = 2 * (p[2] - T[2]); \
    _Pragma("GCC unroll 6") for (int i = 0; i < JOINTS; i++) { \
      V r0 = p[0] - o[i][0], r1 = p[1] - o[i][1], r2 = p[2] - o[i][2]; \
      g[i] = e0 * (z[i][1] * r2 - z[i][2] * r1) + e1 * (z[i][2] * r0 - z[i][0] * r2) + e2 * (z[i][0] * r1 - z[i][1] * r0); \
    } \
  }

typedef double four __attribute__((vector_size(32)));
ARM(arm_of_one, double)
ARM(arm_of_four, four)

/* Sines and cosines of the C library's vector functions. */
static __attribute__((noinline)) void angles(const double *restrict t, double *restrict c, double *restrict s, int n) {
  for (int i = 0; i < n; i++) c[i] = cos(t[i]);
  for (int i = 0; i < n; i++) s[i] = sin(t[i]);
}

void arm(const double *x, double *g, long n, long repetitions) {
  double t[8] = {0}, c[8], s[8];
  for (long r = 0; r < repetitions; r++) {
    for (int i = 0; i < JOINTS; i++) t[i] = x[i];
    angles(t, c, s, 8);
    arm_of_one(c, s, g);
    KEEP;
  }
}

void arms(const double *x, double *g, long n, long repetitions) {
  double t[4 * JOINTS] __attribute__((aligned(32))), c[4 * JOINTS] __attribute__((aligned(32)));
  double s[4 * JOINTS] __attribute__((aligned(32)));
  for (long r = 0; r < repetitions; r++) {
    for (long b = 0; b < n; b += 4) {
      four u[JOINTS];
      for (int w = 0; w < 4; w++)
        for (int i = 0; i < JOINTS; i++) t[i * 4 + w] = x[(b + w) * JOINTS + i];
      angles(t, c, s, 4 * JOINTS);
      arm_of_four((four *)c, (four *)s, u);
      for (int w = 0; w < 4; w++)
        for (int i = 0; i < JOINTS; i++) g[(b + w) * JOINTS + i] = u[i][w];
    }
    KEEP;
  }
}
