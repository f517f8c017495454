/* SPDX-License-Identifier: MIT */
/*
 * Calendar date of a Unix time, for wolfSSL's certificate dates (XGMTIME in
 * wolfssl_user_settings.h). libc's gmtime_r reads the TZ variable, a zone file and the heap the
 * first time it is called; this one reads its argument only. Valid for years 1970 to 9999, NULL
 * otherwise. Compiled into the bundled wolfSSL.
 */
#include <time.h>

struct tm *cmx_wolfssl_gmtime(const time_t *timer, struct tm *out);

struct tm *cmx_wolfssl_gmtime(const time_t *timer, struct tm *out)
{
    static const long long last_second = 253402300799LL; /* 9999-12-31 23:59:59 */
    long long seconds = (long long)*timer;
    if (out == NULL || seconds < 0 || seconds > last_second) {
        return NULL;
    }
    long days = (long)(seconds / 86400);
    long rest = (long)(seconds % 86400);
    /* Years begin in March here: the leap day is then the last day of its year. */
    long shifted = days + 719468;
    long era = shifted / 146097;
    long day_of_era = shifted % 146097;
    long year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    long day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    long month_from_march = (5 * day_of_year + 2) / 153;
    long month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    long year = era * 400 + year_of_era + (month <= 2 ? 1 : 0);
    int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    out->tm_sec = (int)(rest % 60);
    out->tm_min = (int)(rest / 60 % 60);
    out->tm_hour = (int)(rest / 3600);
    out->tm_mday = (int)(day_of_year - (153 * month_from_march + 2) / 5 + 1);
    out->tm_mon = (int)(month - 1);
    out->tm_year = (int)(year - 1900);
    out->tm_wday = (int)((days + 4) % 7);
    out->tm_yday = (int)(month > 2 ? day_of_year + 59 + leap : day_of_year - 306);
    out->tm_isdst = 0;
    return out;
}
