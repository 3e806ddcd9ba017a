/* Objective and gradient of the LSTM of w5.py by hand. out: the value, then the gradients of main[2l,4b], extra[3,b].
   Kept for the way back, per step and layer: forget, in, out, change, tanh(cell), the layer's input. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define UNITS 256
#define EACH for (long u = 0; u < b; u++)

static inline double sigmoid(double x) { return 1.0 / (1.0 + exp(-x)); }

static inline double tangent(double x) {
  double e = exp(-2 * x);
  return (1 - e) / (1 + e);
}

static double once(long l, long b, long c, const double *weights, const double *extra, const double *start,
                   const double *sequence, double *gradient) {
  long state = 2 * l * b, steps = c - 1;
  double *states = malloc(8 * (gradient ? steps + 1 : 2) * state), *kept = 0, *slopes = 0, total = 0;
  double a[UNITS], y[UNITS], one[6 * UNITS];
  if (gradient) {
    kept = malloc(8 * steps * l * 6 * b);
    slopes = malloc(8 * steps * b);
  }
  memcpy(states, start, 8 * state);
  for (long t = 0; t < steps; t++) {
    double *old = states + (gradient ? t : t & 1) * state, *new = states + (gradient ? t + 1 : (t + 1) & 1) * state;
    const double *x = sequence + t * b, *gold = x + b;
    EACH a[u] = x[u] * extra[u];
    for (long k = 0; k < l; k++) {
      const double *W = weights + k * 8 * b, *B = W + 4 * b, *h = old + 2 * k * b, *cell = h + b;
      double *F = gradient ? kept + (t * l + k) * 6 * b : one, *nh = new + 2 * k * b, *nc = nh + b;
      EACH {
        double f = sigmoid(a[u] * W[u] + B[u]), i = sigmoid(h[u] * W[b + u] + B[b + u]);
        double o = sigmoid(a[u] * W[2 * b + u] + B[2 * b + u]), g = tangent(h[u] * W[3 * b + u] + B[3 * b + u]);
        double now = cell[u] * f + i * g, tc = tangent(now);
        if (gradient) {
          F[u] = f, F[b + u] = i, F[2 * b + u] = o;
          F[3 * b + u] = g, F[4 * b + u] = tc, F[5 * b + u] = a[u];
        }
        nc[u] = now;
        a[u] = nh[u] = o * tc;
      }
    }
    double exponentials = 2, golds = 0, hits = 0;
    EACH {
      double z = a[u] * extra[b + u] + extra[2 * b + u];
      y[u] = exp(z);
      exponentials += y[u];
      golds += gold[u];
      hits += gold[u] * z;
    }
    total += hits - golds * log(exponentials);
    if (gradient) EACH slopes[t * b + u] = gold[u] - golds * y[u] / exponentials;
  }
  double scale = -1.0 / ((double)steps * b);
  if (gradient) {
    double *back = calloc(state, 8), dx[UNITS], *ge = gradient + l * 8 * b;
    memset(gradient, 0, 8 * (l * 8 * b + 3 * b));
    for (long t = steps - 1; t >= 0; t--) {
      const double *old = states + t * state, *new = old + state, *x = sequence + t * b;
      EACH {
        double d = scale * slopes[t * b + u];
        ge[2 * b + u] += d;
        ge[b + u] += d * new[2 * (l - 1) * b + u];
        dx[u] = d * extra[b + u];
      }
      for (long k = l - 1; k >= 0; k--) {
        const double *W = weights + k * 8 * b, *F = kept + (t * l + k) * 6 * b, *h = old + 2 * k * b, *cell = h + b;
        double *gW = gradient + k * 8 * b, *gB = gW + 4 * b, *dh = back + 2 * k * b, *dc = dh + b;
        EACH {
          double f = F[u], i = F[b + u], o = F[2 * b + u], g = F[3 * b + u], tc = F[4 * b + u], in = F[5 * b + u];
          double d = dh[u] + dx[u], now = dc[u] + d * o * (1 - tc * tc);
          double df = now * cell[u] * f * (1 - f), di = now * g * i * (1 - i);
          double dd = d * tc * o * (1 - o), dg = now * i * (1 - g * g);
          gB[u] += df, gB[b + u] += di, gB[2 * b + u] += dd, gB[3 * b + u] += dg;
          gW[u] += df * in, gW[b + u] += di * h[u], gW[2 * b + u] += dd * in, gW[3 * b + u] += dg * h[u];
          dx[u] = df * W[u] + dd * W[2 * b + u];
          dh[u] = di * W[b + u] + dg * W[3 * b + u];
          dc[u] = now * f;
        }
      }
      EACH ge[u] += dx[u] * x[u];
    }
    free(back), free(kept), free(slopes);
  }
  free(states);
  return scale * total;
}

void objective(long l, long b, long c, const double *weights, const double *extra, const double *start,
               const double *sequence, double *out, long repetitions) {
  for (long r = 0; r < repetitions; r++) {
    out[0] = once(l, b, c, weights, extra, start, sequence, 0);
    __asm__ volatile("" ::"r"(out) : "memory");
  }
}

void gradient(long l, long b, long c, const double *weights, const double *extra, const double *start,
              const double *sequence, double *out, long repetitions) {
  for (long r = 0; r < repetitions; r++) {
    out[0] = once(l, b, c, weights, extra, start, sequence, out + 1);
    __asm__ volatile("" ::"r"(out) : "memory");
  }
}
