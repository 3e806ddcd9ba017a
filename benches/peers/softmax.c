/* d softmax(V x + b)[i] / d V[j,k] = (delta(i,j) y[i] - y[i] y[j]) x[k]: dense, and its factor S[i,j] alone. */
#include <immintrin.h>
#include <math.h>
#include <stdlib.h>

static void probabilities(const double *V, const double *x, const double *b, double *y, long n) {
  double greatest = -1e300, total = 0;
  for (long i = 0; i < n; i++) {
    double s = b[i];
    for (long j = 0; j < n; j++) s += V[i * n + j] * x[j];
    y[i] = s;
  }
  for (long i = 0; i < n; i++) greatest = y[i] > greatest ? y[i] : greatest;
  for (long i = 0; i < n; i++) total += y[i] = exp(y[i] - greatest);
  for (long i = 0; i < n; i++) y[i] /= total;
}

void dense(const double *V, const double *x, const double *b, double *J, long n, long repetitions) {
  double *y = malloc(8 * n);
  /* What no cache holds is written past them. */
  int streams = n * n * n * 8 > (16L << 20) && n % 4 == 0;
  for (long r = 0; r < repetitions; r++) {
    probabilities(V, x, b, y, n);
    for (long i = 0; i < n; i++)
      for (long j = 0; j < n; j++) {
        double s = (i == j ? y[i] : 0) - y[i] * y[j], *o = J + (i * n + j) * n;
        if (streams) {
          __m256d wide = _mm256_set1_pd(s);
          for (long k = 0; k < n; k += 4) _mm256_stream_pd(o + k, _mm256_mul_pd(wide, _mm256_loadu_pd(x + k)));
        } else {
          for (long k = 0; k < n; k++) o[k] = s * x[k];
        }
      }
    if (streams) _mm_sfence();
    __asm__ volatile("" ::"r"(J) : "memory");
  }
  free(y);
}

void factors(const double *V, const double *x, const double *b, double *S, long n, long repetitions) {
  double *y = malloc(8 * n);
  for (long r = 0; r < repetitions; r++) {
    probabilities(V, x, b, y, n);
    for (long i = 0; i < n; i++) {
      for (long j = 0; j < n; j++) S[i * n + j] = -y[i] * y[j];
      S[i * n + i] += y[i];
    }
    __asm__ volatile("" ::"r"(S) : "memory");
  }
  free(y);
}
