/* Objective and gradient of the Gaussian mixture of w5.py by hand. Points are transposed in blocks, so that the inner
   loops run over points with unit stride. out: the value, then the gradients of alpha, mu, icf. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK 64
#define EACH for (long i = 0; i < BLOCK; i++)

static double *doubles(long count) { return malloc(sizeof(double) * count); }

static double once(long d, long K, long N, const double *alpha, const double *mu, const double *icf, const double *x,
                   double constant, double *gradient) {
  long width = d + d * (d - 1) / 2;
  double *diagonal = doubles(K * d), *weight = doubles(K * BLOCK), *q = doubles(K * d * BLOCK), *base = doubles(K);
  double *centred = doubles(d * BLOCK), *turned = doubles(d * BLOCK), *column = doubles(d);
  double f = constant, greatest = -1e300, total = 0;
  double *galpha = gradient, *gmu = gradient + K, *gicf = gradient + K + K * d;
  if (gradient) memset(gradient, 0, sizeof(double) * (K + K * d + K * width));
  for (long k = 0; k < K; k++) {
    const double *row = icf + k * width;
    double logs = 0, squares = 0;
    for (long j = 0; j < d; j++) {
      double e = diagonal[k * d + j] = exp(row[j]);
      logs += row[j];
      squares += e * e;
      if (gradient) gicf[k * width + j] = e * e;
    }
    for (long j = d; j < width; j++) {
      squares += row[j] * row[j];
      if (gradient) gicf[k * width + j] = row[j];
    }
    f += 0.5 * squares;
    base[k] = alpha[k] + logs;
    if (alpha[k] > greatest) greatest = alpha[k];
  }
  for (long k = 0; k < K; k++) total += exp(alpha[k] - greatest);
  f -= N * (log(total) + greatest);
  if (gradient)
    for (long k = 0; k < K; k++) galpha[k] = -N * exp(alpha[k] - greatest) / total;
  for (long first = 0; first < N; first += BLOCK) {
    long count = N - first < BLOCK ? N - first : BLOCK;
    for (long j = 0; j < d; j++) EACH turned[j * BLOCK + i] = i < count ? x[(first + i) * d + j] : 0;
    double top[BLOCK], sum[BLOCK];
    EACH top[i] = -1e300;
    for (long k = 0; k < K; k++) {
      double *qk = q + k * d * BLOCK, *inner = weight + k * BLOCK, norm[BLOCK];
      const double *lower = icf + k * width + d;
      for (long j = 0; j < d; j++) {
        double m = mu[k * d + j], e = diagonal[k * d + j];
        EACH {
          double v = turned[j * BLOCK + i] - m;
          centred[j * BLOCK + i] = v;
          qk[j * BLOCK + i] = e * v;
        }
      }
      for (long c = 0; c < d; c++)
        for (long r = c + 1; r < d; r++) {
          double l = *lower++;
          EACH qk[r * BLOCK + i] += l * centred[c * BLOCK + i];
        }
      EACH norm[i] = 0;
      for (long j = 0; j < d; j++) EACH norm[i] += qk[j * BLOCK + i] * qk[j * BLOCK + i];
      EACH {
        inner[i] = base[k] - 0.5 * norm[i];
        top[i] = inner[i] > top[i] ? inner[i] : top[i];
      }
    }
    EACH sum[i] = 0;
    for (long k = 0; k < K; k++)
      EACH {
        double e = exp(weight[k * BLOCK + i] - top[i]);
        weight[k * BLOCK + i] = e;
        sum[i] += e;
      }
    for (long i = 0; i < count; i++) f += log(sum[i]) + top[i];
    if (!gradient) continue;
    EACH sum[i] = i < count ? 1.0 / sum[i] : 0.0;
    for (long k = 0; k < K; k++) {
      double *qk = q + k * d * BLOCK, *p = weight + k * BLOCK, *g = gicf + k * width, share = 0;
      EACH {
        p[i] *= sum[i];
        share += p[i];
      }
      galpha[k] += share;
      for (long j = 0; j < d; j++) {
        double m = mu[k * d + j];
        EACH {
          centred[j * BLOCK + i] = turned[j * BLOCK + i] - m;
          qk[j * BLOCK + i] *= p[i];
        }
      }
      for (long j = 0; j < d; j++) {
        double s = 0, t = 0, e = diagonal[k * d + j];
        EACH {
          s += qk[j * BLOCK + i];
          t += qk[j * BLOCK + i] * centred[j * BLOCK + i];
        }
        column[j] = s;
        gmu[k * d + j] += e * s;
        g[j] += share - t * e;
      }
      const double *lower = icf + k * width + d;
      g += d;
      for (long c = 0; c < d; c++) {
        double s = 0;
        for (long r = c + 1; r < d; r++) {
          double t = 0;
          EACH t += qk[r * BLOCK + i] * centred[c * BLOCK + i];
          *g++ -= t;
          s += *lower++ * column[r];
        }
        gmu[k * d + c] += s;
      }
    }
  }
  free(diagonal), free(weight), free(q), free(base), free(centred), free(turned), free(column);
  return f;
}

void objective(long d, long K, long N, const double *alpha, const double *mu, const double *icf, const double *x,
               double constant, double *out, long repetitions) {
  for (long r = 0; r < repetitions; r++) {
    out[0] = once(d, K, N, alpha, mu, icf, x, constant, 0);
    __asm__ volatile("" ::"r"(out) : "memory");
  }
}

void gradient(long d, long K, long N, const double *alpha, const double *mu, const double *icf, const double *x,
              double constant, double *out, long repetitions) {
  for (long r = 0; r < repetitions; r++) {
    out[0] = once(d, K, N, alpha, mu, icf, x, constant, out + 1);
    __asm__ volatile("" ::"r"(out) : "memory");
  }
}
